"""Read one part out of a file that holds all parts of a mail, each in its block.

`receipt.mail#html` is the template that renders the block `html` of `receipt.mail`. Each part is a template
of its own, compiled from the whole file: so everything that the HTML part meets is escaped, macros and
inherited blocks too, and nothing that the others meet.
"""

from collections.abc import Iterable, Iterator

from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from outbox.render.parts import SUFFIXES, WHOLE, Part

ABSENT = "\x00"
"""What a part renders to when no file of its inheritance has its block; no mail may hold a NUL."""

Tokens = list[Token]


def part_of(template: str | None) -> str | None:
    """Return the part that a template's name belongs to, by its `#part` or by its suffix."""
    file, _, part = (template or "").partition("#")
    return part or next((part for part, suffix in SUFFIXES.items() if file.endswith(suffix)), None)


def related(template: str, other: str) -> str:
    """Return the name of `other` as `template` means it: of a file of all parts, its own part."""
    part = part_of(template)
    return f"{other}#{part}" if part and other.endswith(WHOLE) else other


class OnePart(Extension):
    """Leaves of a file of all parts one part: the blocks of the others are taken out before it is parsed.

    A block that extends a layout stands for itself. Where nothing else is extended, the part
    extends a layout that is nothing but its block: so what stands outside of the blocks is never output, as
    in every template that extends another.
    """

    def filter_stream(self, stream: TokenStream) -> TokenStream | Iterable[Token]:
        """Return the tokens of the part that the stream's name asks for."""
        _, _, part = (stream.name or "").partition("#")
        return _only(list(stream), part) if part and stream.name != f"#{part}" else stream


def layout(part: str) -> str:
    """Return the source of the layout that is nothing but the block of a part."""
    return f"{{% block {part} %}}{ABSENT}{{% endblock %}}"


def add_to(environment: Environment) -> None:
    """Let an environment read files of all parts."""
    environment.add_extension(OnePart)


def _only(tokens: Tokens, part: str) -> Iterator[Token]:
    kept: Tokens = []
    for block, piece in _pieces(tokens):
        if block == part and _says(piece, "extends"):
            piece = _inside(piece)  # noqa: PLW2901 - what is kept of it
        if block in (None, part):
            kept += piece
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
    for at, token in enumerate(tokens):
        tag = _tag(tokens, at)
        if tag == "block":
            if depth == 0 and (name := tokens[at + 2].value) in set(Part):
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


def _says(tokens: Tokens, tag: str) -> bool:
    return any(_tag(tokens, at) == tag for at in range(len(tokens)))


def _tag(tokens: Tokens, at: int) -> str | None:
    """Return the name of the tag that begins at a token."""
    begins = tokens[at].type == "block_begin" and at + 1 < len(tokens)
    return str(tokens[at + 1].value) if begins else None
