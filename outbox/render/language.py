"""Read a language tag, and say what to try in its place."""

import re

from outbox.errors import TemplateError, shown

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<script>[a-z]{4}))?(?:[-_](?P<region>[a-z]{2}|[0-9]{3}))?",
    re.IGNORECASE,
)


def tags(locale: str | None) -> tuple[str, ...]:
    """Return what to look for, the most particular first: "zh_hant_TW" gives zh-Hant-TW, zh-Hant and zh.

    The order is the lookup of RFC 4647, section 3.4; None gives nothing. Raises TemplateError for what is no
    tag of a language, a script and a region (RFC 5646).
    """
    if locale is None:
        return ()
    found = _TAG.fullmatch(locale) if isinstance(locale, str) else None
    if found is None:
        raise TemplateError(
            f"locale: {shown(locale)} is no language tag. Give one such as fr, fr-CA or zh-Hant-TW."
        )
    language, script, region = found.groups(default="")
    parts = [part for part in (language.lower(), script.title(), region.upper()) if part]
    return tuple("-".join(parts[:end]) for end in range(len(parts), 0, -1))


def is_tag(text: str) -> bool:
    """Return whether `text` is a language tag as it stands in the name of a file."""
    return _TAG.fullmatch(text) is not None and tags(text)[0] == text
