"""Write the headers that have a parameter of their own: threads, unsubscribing, robots, importance."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from outbox.errors import InvalidEmailError
from outbox.mail import text as texts

# RFC 5322 section 3.6.4, without the comments and quoted parts that are obsolete.
_MESSAGE_ID = re.compile(r"<[^<>@\s\x00-\x1f\x7f-\U0010ffff]+@[^<>@\s\x00-\x1f\x7f-\U0010ffff]+>")
_MOST_ID = 300
# RFC 3986: what a URL may hold, less the comma, which separates the URLs of RFC 2369.
_URL = re.compile(r"(?:https://[^/?#@]+|mailto:[^/?#@]+@)[A-Za-z0-9._~:/?#\[\]@!$&'()*+;=%-]*")
_MOST_URL = 900


class AutoSubmitted(StrEnum):
    """Why no person wrote this mail (RFC 3834 section 5, RFC 5436 section 2.7.1): no robot answers it."""

    GENERATED = "auto-generated"
    REPLIED = "auto-replied"
    NOTIFIED = "auto-notified"


class Importance(StrEnum):
    """How a reader marks the mail (RFC 2156 section 5.3.4); it says nothing about when it is sent."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


_Kind = TypeVar("_Kind", AutoSubmitted, Importance)
_X_PRIORITY = {Importance.HIGH: "1", Importance.NORMAL: "3", Importance.LOW: "5"}


def standard_headers(
    *,
    in_reply_to: str | None,
    references: str | Sequence[str],
    unsubscribe: str | Sequence[str],
    auto_submitted: AutoSubmitted | str | None,
    importance: Importance | str | None,
) -> dict[str, str]:
    """Return the headers for these parameters, none for those that are absent. Raises InvalidEmailError."""
    headers: dict[str, str] = {}
    # Each is asked for here: nearly all mails have none of them, and pay nothing for that.
    if in_reply_to is not None or references != ():
        headers |= _thread(in_reply_to, references)
    if unsubscribe != ():
        headers |= _unsubscribing(unsubscribe)
    if auto_submitted is not None:
        headers["Auto-Submitted"] = _one_of("auto_submitted", AutoSubmitted, auto_submitted).value
    if importance is not None:
        marked = _one_of("importance", Importance, importance)
        # Outlook reads the first; some others know only the second.
        headers |= {"Importance": marked.value, "X-Priority": _X_PRIORITY[marked]}
    return headers


def merged(headers: object, ours: dict[str, str]) -> object:
    """Return an application's own headers with those of its parameters behind them; each is given once."""
    if not ours or not isinstance(headers, Mapping):
        return headers
    given = {str(name).lower(): name for name in headers}
    for name in ours:
        if name.lower() in given:
            raise InvalidEmailError(
                "headers", given[name.lower()], "is written by a parameter, too", "Give one of the two."
            )
    return {**headers, **ours}


def _thread(in_reply_to: str | None, references: str | Sequence[str]) -> dict[str, str]:
    # A header that was read from another mail comes as one text.
    if isinstance(references, str):
        references = references.split()
    ids = [_message_id("references", one) for one in _listed("references", references)]
    if in_reply_to is None:
        return {"References": " ".join(ids)} if ids else {}
    parent = _message_id("in_reply_to", in_reply_to)
    # Readers build threads by References (RFC 5322 section 3.6.4: the parent is the last one).
    return {
        "In-Reply-To": parent,
        "References": " ".join([*(one for one in ids if one != parent), parent]),
    }


def _message_id(field: str, value: object) -> str:
    checked = texts.line(field, value).strip(" ")
    if not _MESSAGE_ID.fullmatch(checked) or len(checked) > _MOST_ID:
        raise InvalidEmailError(
            field,
            value,
            "is not a Message-ID",
            "Give one like '<4f2a@example.org>'; that of a mail of ours is status(…).message_id.",
        )
    return checked


def _unsubscribing(value: str | Sequence[str]) -> dict[str, str]:
    urls = [_url(one) for one in _listed("unsubscribe", [value] if isinstance(value, str) else value)]
    if not urls:
        return {}
    headers = {"List-Unsubscribe": ", ".join(f"<{url}>" for url in urls)}
    if any(url.startswith("https:") for url in urls):
        # RFC 8058 section 2: a reader may POST this to the address, without asking its user again.
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _url(value: object) -> str:
    checked = texts.line("unsubscribe", value).strip(" ")
    if not _URL.fullmatch(checked) or len(checked) > _MOST_URL:
        raise InvalidEmailError(
            "unsubscribe",
            value,
            "is no https or mailto address",
            f"Give an absolute one in ASCII of at most {_MOST_URL} characters, without commas, such as "
            "'https://example.org/leave?u=7', which must answer a POST (RFC 8058), or "
            "'mailto:leave@example.org'.",
        )
    return checked


def _one_of(field: str, kinds: type[_Kind], value: str) -> _Kind:
    try:
        return kinds(value)
    except ValueError:
        known = ", ".join(repr(kind.value) for kind in kinds)
        raise InvalidEmailError(field, value, "is not known", f"Give one of {known}.") from None


def _listed(field: str, values: object) -> list[object]:
    if isinstance(values, bytes | Mapping) or not isinstance(values, Iterable):
        raise InvalidEmailError(field, values, "is no list of texts", "Give a str, or a list of them.")
    return list(values)
