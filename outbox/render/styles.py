"""Bring the rules of style sheets into the elements, for mail clients that drop style sheets.

What cannot stand in an element stays in the style sheet: media queries for dark mode and small screens,
fonts, `:hover`. A `<style>` that has nothing but these, or `data-css-inline="ignore"`, costs nothing.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from outbox.errors import TemplateError, shown
from outbox.render.markup import values

if TYPE_CHECKING:
    from css_inline import CSSInliner

_STYLE = re.compile(
    r"<(?:!--[^-]*+(?:-(?!->)[^-]*+)*+"
    r"|style\b(?P<attributes>[^<>]*+)>(?P<css>[^<]*+(?:<(?!/style)[^<]*+)*+)(?P<end></style)?)",
    re.IGNORECASE,
)
_IGNORED = re.compile(r"data-css-inline\s*=\s*[\"']?ignore", re.IGNORECASE)
_MEDIA = re.compile(r"\smedia\s*+=\s*+(?:\"([^\"]*+)|'([^']*+)|([^\s\"']*+))", re.IGNORECASE)
_REVEALED = re.compile(r"<!\[if\b", re.IGNORECASE)
# What may hold a brace or a semicolon that is none of the rules'. Each alternative goes on to the end where
# its own is missing, so that none is tried again and again.
_OPAQUE = re.compile(
    r"/\*.*?(?:\*/|(?P<comment>\Z))|<!--|-->"
    r"|\"(?:[^\"\\\n]|\\.)*+(?:\"|(?P<double>))|'(?:[^'\\\n]|\\.)*+(?:'|(?P<single>))"
    r"|url\([^()\"']*+\)",
    re.DOTALL | re.IGNORECASE,
)
_SIGN = re.compile(r"[^{};]*[{};]|[^{};]+\Z")
# A property's name, with the signs before it that only old browsers read, or one of the author's own.
_DECLARATION = re.compile(r"--[^\s:]*\s*:|[*_]?[a-z-][\w\\-]*\s*:\s*\S", re.IGNORECASE)
_KEYFRAMES = re.compile(r"@[\w-]*keyframes\b", re.IGNORECASE)
# Selectors Level 3 and its pseudo-classes with arguments, and v\:* of Outlook. Nothing gives back what it has
# taken, so that no style sheet takes time that grows with its square.
_IDENT = r"(?!\d)(?:[\w-]|\\.)++"
_SIMPLE = rf"(?:[.#]{_IDENT}|\[[^\[\]]++\]|::?{_IDENT}(?:\((?:[^()]|\([^()]*+\))*+\))?+)"
_COMPOUND = rf"(?:(?:{_IDENT}\*?+|\*){_SIMPLE}*+|{_SIMPLE}++)"
_COMPLEX = rf"{_COMPOUND}(?:(?:\s*+[>+~]\s*+|\s++){_COMPOUND})*+"
_SELECTORS = re.compile(rf"{_COMPLEX}(?:\s*+,\s*+{_COMPLEX})*+")


class BrokenCSSError(ValueError):
    """CSS that browsers pass over: `words` are its own, as they stand in the style sheet."""

    def __init__(self, words: str, problem: str) -> None:
        super().__init__(problem)
        self.words = words


class Styles:
    """Inlines CSS; knows the style sheets that it has seen. Safe to share between threads."""

    def __init__(self) -> None:
        # A template's style sheet is the same in each of its mails.
        self._to_inline = lru_cache(maxsize=256)(to_inline)
        self._inliner: CSSInliner | None = None

    def inlined(self, html: str) -> str:
        """Return the HTML with its rules inside the elements; nothing is ever loaded.

        Raises ValueError for broken CSS, and TemplateError where the extra `html` is not installed.
        """
        for name, value in values(html):
            if name == "style":
                check_style(value)
            elif name == "<style>":
                self._to_inline(value)
        wanted: list[bool] = []

        def seen(style: re.Match[str]) -> str:
            if style["css"] is None:
                return style[0]
            if not style["end"]:
                raise ValueError("a <style> has no end. Write </style>.")
            stays = _IGNORED.search(style["attributes"])
            for_some = _for_some(style["attributes"])
            # Each style sheet is looked at, also one that is left alone.
            wanted.append(self._to_inline(style["css"]) and not (stays or for_some))
            # css-inline knows nothing of `media`.
            return f'<style data-css-inline="ignore"{style[0][len("<style") :]}' if for_some else style[0]

        marked = _STYLE.sub(seen, html)
        if not any(wanted):
            return html
        if _REVEALED.search(html):
            raise ValueError(
                "<![if …]> is no comment, and would be lost where styles are inlined. "
                "Write <!--[if …]><!--> and <!--<![endif]-->."
            )
        return self._ready().inline(marked)

    def _ready(self) -> "CSSInliner":
        if self._inliner is None:
            try:
                from css_inline import CSSInliner  # noqa: PLC0415 - an extra, and only where it is used
            except ImportError as error:
                raise TemplateError(
                    "its <style> has rules to inline, which css-inline does: "
                    "pip install 'email-outbox[html]'. "
                    'Or leave them as they are: <style data-css-inline="ignore">.'
                ) from error
            self._inliner = CSSInliner(
                load_remote_stylesheets=False,
                keep_style_tags=True,
                keep_link_tags=True,
                keep_at_rules=True,
                remove_inlined_selectors=True,
            )
        return self._inliner


def to_inline(css: str) -> bool:
    """Return whether a style sheet has a rule for elements, beside at-rules and `:root`.

    Raises ValueError for broken CSS: browsers pass over what they do not understand, and so
    would the mail. Nested rules are broken, since mail clients do not know them.
    """
    css = _plain(css)
    open_: list[str] = []
    found = False
    for sign in _SIGN.findall(css):
        words, end = sign[:-1].strip(), sign[-1]
        if end == "{":
            inside_a_rule = open_ and not open_[-1].startswith("@")
            # No language of style sheets that mail clients read has comments by //.
            if not words or inside_a_rule or "//" in words:
                raise BrokenCSSError(
                    words, f"the CSS is broken before the brace of {shown(sign.strip())}. Correct it."
                )
            if not (words.startswith("@") or (open_ and _KEYFRAMES.match(open_[-1]))):
                _check_selectors(words)
            found |= not open_ and not words.startswith("@") and words != ":root"
            open_.append(words)
        elif end in ";}":
            _check_declaration(words, open_)
            if end == "}" and not open_:
                raise ValueError("the CSS has a closing brace too many. Take it out.")
            if end == "}":
                open_.pop()
        elif sign.strip():
            raise BrokenCSSError(sign, f"the CSS ends in the midst of {shown(sign.strip())}. Complete it.")
    if open_:
        raise BrokenCSSError(
            open_[0], f"the braces of {shown(open_[0])} in the CSS are not closed. Close them."
        )
    return found


def check_style(css: str) -> None:
    """Raise ValueError for a style attribute that is broken."""
    for words in _plain(css).split(";"):
        if "{" in words or "}" in words:
            raise BrokenCSSError(
                words, f"a style has {shown(words.strip())}, and no braces belong there. Take them out."
            )
        _check_declaration(words.strip(), ["style"])


def _plain(css: str) -> str:
    """Return CSS without its comments, and with an X for what is quoted."""
    return _OPAQUE.sub(_replaced, css)


def _replaced(opaque: re.Match[str]) -> str:
    if opaque["comment"] is not None:
        raise ValueError("a comment of the CSS has no end. Write */.")
    if opaque["double"] is not None or opaque["single"] is not None:
        raise BrokenCSSError(
            opaque[0], f"the CSS has a quote that is not closed: {shown(opaque[0])}. Close it."
        )
    return "" if opaque[0].startswith(("/*", "<!--", "-->")) else "X"


def _for_some(attributes: str) -> bool:
    """Return whether a style sheet is for print, dark mode and the like: in elements it would hold always."""
    found = _MEDIA.search(attributes)
    return found is not None and found[found.lastindex or 0].strip().lower() not in {"", "all", "screen"}


def _check_declaration(words: str, open_: list[str]) -> None:
    sound = _DECLARATION.match(words) if open_ else words.startswith("@")
    if words and not sound:
        raise BrokenCSSError(
            words, f"the CSS has {shown(words)}, which is no declaration. Write property: value."
        )


def _check_selectors(words: str) -> None:
    if not _SELECTORS.fullmatch(words):
        raise BrokenCSSError(
            words, f"the CSS has {shown(words)}, which selects nothing: browsers pass over it. Correct it."
        )
