"""Which headers an application may set by name, and which ones are ours to write."""

import re
from collections.abc import Mapping

from outbox.errors import InvalidEmailError, shown
from outbox.mail import text

# RFC 5322 section 3.6.8, and short enough to leave a line room for its value.
_NAME = re.compile(r"[!-9;-~]{1,64}")
MAX_WORD = 900
"""The longest run without a space, in octets: a line holds 998 and can be folded only at a space."""

_PARAMETER = {
    "from": "Use the parameter sender.",
    "sender": "Use the parameter sender.",
    "to": "Use the parameter to.",
    "cc": "Use the parameter cc.",
    "bcc": "Use the parameter bcc.",
    "reply-to": "Use the parameter reply_to.",
    "subject": "Use the parameter subject.",
    "date": "Use the parameter send_at to send later; the date is written when the mail is composed.",
    "message-id": "Use the parameter key to recognise a mail again; the Message-ID follows from its id.",
    "mime-version": "Use the parameters text, html and attachments.",
    "return-path": "Use the parameter sender: the last relay writes this header from the envelope.",
    "received": "Leave it out: relays write it.",
    "dkim-signature": "Leave it out: the daemon signs (setting dkim), or the relay.",
    "authentication-results": "Leave it out: receivers write it.",
}
_PARAMETER_BY_PREFIX = {
    "content-": "Use the parameters text, html and attachments.",
    "arc-": "Leave it out: relays write it.",
    "resent-": "Leave it out: only a person who forwards a mail by hand writes it.",
}
# A URL, a message id or a keyword: an encoded word inside one of these is not decoded by anybody.
_ASCII_ONLY = frozenset(
    {
        "auto-submitted",
        "disposition-notification-to",
        "feedback-id",
        "importance",
        "in-reply-to",
        "list-archive",
        "list-help",
        "list-owner",
        "list-post",
        "list-subscribe",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "precedence",
        "references",
    }
)


def checked_headers(headers: object) -> dict[str, str]:
    """Return the application's own headers, each proven to fit on the wire as one header.

    An ASCII value is written as it stands, another one as encoded words. Raises InvalidEmailError.
    """
    if not isinstance(headers, Mapping):
        raise InvalidEmailError("headers", headers, "is not a mapping", "Give a dict of names and values.")
    checked: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in headers.items():
        folded = _checked_name(name)
        if folded in seen:
            raise InvalidEmailError("headers", name, "is given twice", "Give each header once, in any case.")
        seen.add(folded)
        checked[str(name)] = _checked_value(name, folded, value)
    return checked


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidEmailError(
            "headers",
            name,
            "is not a header name",
            "Use 1 to 64 printable ASCII characters, no space, no colon.",
        )
    if remedy := remedy_for_ours(name):
        raise InvalidEmailError("headers", name, "is written by the outbox or by relays", remedy)
    return name.lower()


def remedy_for_ours(name: str) -> str | None:
    """Return what to do instead of setting this header, or None where it is free to be set."""
    folded = name.lower()
    return _PARAMETER.get(folded) or next(
        (remedy for prefix, remedy in _PARAMETER_BY_PREFIX.items() if folded.startswith(prefix)), None
    )


def _checked_value(name: str, folded: str, value: object) -> str:
    field = f"headers[{shown(name)}]"
    checked = text.line(field, value).strip(" ")
    if not checked:
        raise InvalidEmailError(field, value, "is empty", "Give a value, or leave the header out.")
    if checked.isascii():
        if len(checked) > MAX_WORD and max(map(len, re.findall(r" *[^ ]+", checked))) > MAX_WORD:
            problem = f"has more than {MAX_WORD} characters without a break"
            raise InvalidEmailError(
                field, value, problem, "Shorten it, or put single spaces where it may fold."
            )
    elif folded in _ASCII_ONLY:
        raise InvalidEmailError(
            field,
            value,
            "has a character that is not ASCII",
            "Percent-encode a URL, and use the A-label of a domain.",
        )
    return checked
