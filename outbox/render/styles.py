"""Bring the rules of style sheets into the elements, for mail clients that drop style sheets.

What cannot stand in an element stays in the style sheet: media queries for dark mode and small screens,
fonts, `:hover`. A `<style>` that has nothing but these, or `data-css-inline="ignore"`, costs nothing.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from outbox.errors import TemplateError, shown

if TYPE_CHECKING:
    from css_inline import CSSInliner

_STYLE = re.compile(
    r"<!--.*?(?:-->|\Z)|<style\b(?P<attributes>[^<>]*+)>(?P<css>.*?)(?:(?P<end></style)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_IGNORED = re.compile(r"data-css-inline\s*=\s*[\"']?ignore", re.IGNORECASE)
# What may hold a brace or a semicolon that is none of the rules'.
_OPAQUE = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_QUOTED = re.compile(
    r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|url\([^()\"']*\)", re.DOTALL | re.IGNORECASE
)
_SIGN = re.compile(r"[^{};]*[{};]|[^{};]+\Z")


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
        # A list: each style sheet is looked at, also behind one that must be inlined.
        wanted = [self._wants(found) for found in _STYLE.finditer(html) if found["css"] is not None]
        return self._ready().inline(html) if any(wanted) else html

    def _wants(self, style: re.Match[str]) -> bool:
        if not style["end"]:
            raise ValueError("a <style> has no end. Write </style>.")
        return self._to_inline(style["css"]) and not _IGNORED.search(style["attributes"])

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
    css = _QUOTED.sub("''", _OPAQUE.sub("", css))
    if "/*" in css:
        raise ValueError("a comment of the CSS has no end. Write */.")
    open_: list[str] = []
    found = False
    for sign in _SIGN.findall(css):
        words, end = sign[:-1].strip(), sign[-1]
        if end == "{":
            inside_a_rule = open_ and not open_[-1].startswith("@")
            if not words or inside_a_rule:
                raise ValueError(f"the CSS is broken before the brace of {shown(sign.strip())}. Correct it.")
            found |= not open_ and not words.startswith("@") and words != ":root"
            open_.append(words)
        elif end in ";}":
            _check_declaration(words, open_)
            if end == "}" and not open_:
                raise ValueError("the CSS has a closing brace too many. Take it out.")
            if end == "}":
                open_.pop()
        elif sign.strip():
            raise ValueError(f"the CSS ends in the midst of {shown(sign.strip())}. Complete it.")
    if open_:
        raise ValueError(f"the braces of {shown(open_[0])} in the CSS are not closed. Close them.")
    return found


def _check_declaration(words: str, open_: list[str]) -> None:
    sound = ":" in words if open_ else words.startswith("@")
    if words and not sound:
        raise ValueError(f"the CSS has {shown(words)}, which is no declaration. Write property: value.")
