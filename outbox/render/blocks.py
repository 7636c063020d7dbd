"""Read one part out of a file that holds all parts of a mail, each in its block.

`receipt.mail#html` is the template that renders the block `html` of `receipt.mail`. Each part is a template
of its own, compiled from the whole file: so everything that the HTML part meets is escaped, macros and
inherited blocks too, and nothing that the others meet. What a part includes belongs to it in the same way:
`total.txt#html` is `total.txt` with its variables escaped.
"""

from collections.abc import Iterable, Iterator

from jinja2 import Environment, TemplateSyntaxError, pass_context
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context

from outbox.render.parts import SUFFIXES, WHOLE, Part

ABSENT = "\x00absent\x00"
"""What a part renders to when no file of its inheritance has its block; no mail may hold a NUL."""

OVERRIDDEN = "overridden"
"""The test whether a file further down has written a block anew."""

_AROUND = {"if", "for", "with", "macro", "call", "filter", "autoescape"}
"""The tags that a block of a part would be taken out of, and that so would mean nothing to it."""

Tokens = list[Token]


def part_of(template: str | None) -> str | None:
    """Return the part that a template's name belongs to, by its `#part` or by its suffix."""
    file, _, part = (template or "").partition("#")
    return part or next((part for part, suffix in SUFFIXES.items() if file.endswith(suffix)), None)


def related(template: str, other: str) -> str:
    """Return the name of `other` as `template` means it: as a piece of its own part."""
    part = part_of(template)
    return other if part in (None, part_of(other)) else f"{other.partition('#')[0]}#{part}"


class OnePart(Extension):
    """Leaves of a file of all parts one part: the blocks of the others are taken out before it is parsed.

    A block that extends a layout stands for itself, and what the file extends is for the other parts. Who
    extends the file and writes that block anew has a block without that layout. Where nothing is extended,
    the part extends a layout that is nothing but its block: so what stands outside of the blocks is never
    output, as in every template that extends another.
    """

    def filter_stream(self, stream: TokenStream) -> TokenStream | Iterable[Token]:
        """Return the tokens of the part that the stream's name asks for."""
        file, _, part = (stream.name or "").partition("#")
        if not (part and file.endswith(WHOLE)):
            return stream
        try:
            return list(_only(list(stream), part))
        except TemplateSyntaxError as error:
            error.name, error.filename = stream.name, stream.filename
            raise


def layout(part: str) -> str:
    """Return the source of the layout that is nothing but the block of a part."""
    return f"{{% block {part} %}}{ABSENT}{{% endblock %}}"


def add_to(environment: Environment) -> None:
    """Let an environment read files of all parts."""
    environment.add_extension(OnePart)
    environment.tests[OVERRIDDEN] = _is_overridden


@pass_context
def _is_overridden(context: Context, block: str) -> bool:
    # The blocks of those further down: a block that extends a layout is taken apart, and is not among them.
    return block in context.blocks


def _only(tokens: Tokens, part: str) -> Iterator[Token]:
    pieces = [(block, piece) for block, piece in _pieces(tokens) if block in (None, part)]
    alone = any(block and _says(piece, "extends") for block, piece in pieces)
    kept: Tokens = []
    for block, piece in pieces:
        kept += (
            piece if not alone else _replaceable(_inside(piece), part) if block else _without_extends(piece)
        )
    if not _says(kept, "extends"):
        yield from (
            Token(1, "block_begin", "{%"),
            Token(1, "name", "extends"),
            Token(1, "string", f"#{part}"),
            Token(1, "block_end", "%}"),
        )
    yield from kept


def _pieces(tokens: Tokens) -> Iterator[tuple[str | None, Tokens]]:
    """Cut the tokens into the blocks of parts, each with its name, and what is between them, with None."""
    piece: Tokens = []
    block: str | None = None
    depth = 0
    around: list[str] = []
    for at, token in enumerate(tokens):
        tag = _tag(tokens, at)
        if tag in _AROUND and not depth:
            around.append(tag)
        elif tag and tag.removeprefix("end") in _AROUND and tag.startswith("end") and not depth:
            del around[-1:]
        if tag == "block":
            if depth == 0 and (name := tokens[at + 2].value) in set(Part):
                if around:
                    raise TemplateSyntaxError(
                        f"the block {name} stands inside of {{% {around[-1]} %}}, which is not for blocks. "
                        "Put that inside of the block.",
                        token.lineno,
                    )
                yield None, piece
                piece, block = [], name
            depth += 1
        piece.append(token)
        if token.type == "block_end" and depth == 0 and block:
            yield block, piece
            piece, block = [], None
        if tag == "endblock":
            depth -= 1
    yield block, piece


def _inside(piece: Tokens) -> Tokens:
    ends = [at for at, token in enumerate(piece) if token.type == "block_end"]
    begins = [at for at, token in enumerate(piece) if token.type == "block_begin"]
    return piece[ends[0] + 1 : begins[-1]]


def _replaceable(piece: Tokens, part: str) -> Tokens:
    """Let the layout that a block extends give way where the block is written anew."""
    kept: Tokens = []
    inside = False
    for at, token in enumerate(piece):
        if inside and token.type == "block_end":
            kept.append(Token(token.lineno, "rparen", ")"))
            inside = False
        kept.append(token)
        if at and _tag(piece, at - 1) == "extends":
            kept += [
                Token(token.lineno, kind, value)
                for kind, value in (
                    ("string", f"#{part}"), ("name", "if"), ("string", part), ("name", "is"),
                    ("name", OVERRIDDEN), ("name", "else"), ("lparen", "("),
                )
            ]  # fmt: skip
            inside = True
    return kept


def _without_extends(piece: Tokens) -> Tokens:
    kept: Tokens = []
    inside = False
    for at, token in enumerate(piece):
        inside |= _tag(piece, at) == "extends"
        if not inside:
            kept.append(token)
        inside &= token.type != "block_end"
    return kept


def _says(tokens: Tokens, tag: str) -> bool:
    return any(_tag(tokens, at) == tag for at in range(len(tokens)))


def _tag(tokens: Tokens, at: int) -> str | None:
    """Return the name of the tag that begins at a token."""
    begins = tokens[at].type == "block_begin" and at + 1 < len(tokens)
    return str(tokens[at + 1].value) if begins else None
