"""Read a language tag, and say what to try in its place."""

import re
from collections.abc import Sequence

from outbox.errors import TemplateError, shown

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<script>[a-z]{4}))?(?:[-_](?P<region>[a-z]{2}|[0-9]{3}))?",
    re.IGNORECASE,
)
# By CLDR; a test compares all of Babel's languages.
_FROM_RIGHT_TO_LEFT = re.compile(
    r"apc|arc?|ary|bal|bgn|bqi|brh|ckb|dv|fa|glk|he|iw|ks|lrc|mzn|nqo|ps|rhg|sdh?|skr|syr|trw|ug|ur|yi"
    r"|Adlm|Arab|Aran|Hebr|Nkoo|Rohg|Syrc|Thaa"
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
    """Return whether a text is a tag as `tags` gives it, such as fr-CA."""
    return _TAG.fullmatch(text) is not None and tags(text)[0] == text


def meant(text: str) -> str | None:
    """Return the tag that a text such as FR_ca means, None where it is none."""
    return tags(text)[0] if _TAG.fullmatch(text) else None


def rewritten(text: str) -> str | None:
    """Return the tag that a text such as fr_CA or fr-ca means, None where it is one or is none.

    A lone language is not looked at: an upper-case word of two letters is a word.
    """
    found = _TAG.fullmatch(text)
    is_one = found is not None and (found["script"] or found["region"])
    return tags(text)[0] if is_one and not is_tag(text) else None


def marks(tags: Sequence[str]) -> dict[str, str]:
    """Return `lang` and `dir` of a mail, as HTML has them; nothing where no language was asked for."""
    found = _TAG.fullmatch(tags[0]) if tags else None
    if found is None:
        return {}
    backwards = _FROM_RIGHT_TO_LEFT.fullmatch(found["script"] or found["language"])
    return {"lang": found[0], "dir": "rtl" if backwards else "ltr"}
