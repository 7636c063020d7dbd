"""Make a text body from an HTML body, with the targets of its links."""

import re

from outbox.errors import TemplateError

# [a@example.org](mailto:a@example.org), [](https://example.org/): the target says it all. None goes on behind
# the next [, so that many of them take no time that grows with their square.
_ONE_AND_THE_SAME = re.compile(r"\[([^\s\[\]]*)\]\((?:mailto:|tel:)?\1\)|\[\]\(([^\s\[]+)\)")
_TO_A_FRAGMENT = re.compile(r"\[([^\[\]]*)\]\(#[^)\s\[]*\)")
_MANY_EMPTY_LINES = re.compile(r"\n{3,}")


def text_of(html: str) -> str:
    """Return what a reader of the HTML sees, as text; a link is [words](target).

    Raises TemplateError where the extra `html` is not installed.
    """
    try:
        from inscriptis import get_text  # noqa: PLC0415 - an extra, and half as heavy as all the rest
        from inscriptis.model.config import ParserConfig  # noqa: PLC0415
    except ImportError as error:
        raise TemplateError(
            "it has no text part, and to make one from the HTML takes inscriptis: "
            "pip install 'email-outbox[html]'. Or write the text part."
        ) from error
    return tidy(get_text(html, ParserConfig(display_links=True)))


def tidy(text: str) -> str:
    """Return a text without what says nothing: targets that repeat their words, fragments, empty lines."""
    text = _ONE_AND_THE_SAME.sub(lambda found: found[1] or found[2], _TO_A_FRAGMENT.sub(r"\1", text))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return _MANY_EMPTY_LINES.sub("\n\n", lines).strip("\n") + "\n"
