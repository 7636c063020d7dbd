"""Check what somebody speaks of: one mail, or all mail with one tag; and who it is that speaks."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from outbox.errors import InvalidRequestError
from outbox.mail import text
from outbox.mail.address import parse_address
from outbox.mail.identity import id_in
from outbox.mail.options import JSON, MAX_TAG_NAME, MAX_TAG_VALUE, checked_key, searchable

MAX_WHO = 128
"""Characters of the name of who asks."""

APPLICATION = "application"
"""Who asks, where nobody says who."""

MAX_RELAY = 64
"""Characters of a relay's name."""

_MESSAGE_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")

_ONE = "Give one of message, key and tag."


@dataclass(frozen=True, slots=True)
class Selection:
    """What is spoken of: a `message` by its id, a `key` or a `tag`; of its recipients all, or this one.

    All three are None where a Message-ID was named that is not of our making: it finds no mail.
    """

    message: UUID | None = None
    key: str | None = None
    tag: tuple[str, str] | None = None
    recipient: str | None = None


def checked_selection(
    message: UUID | str | None = None,
    *,
    key: str | None = None,
    tag: tuple[str, JSON] | None = None,
    recipient: str | None = None,
) -> Selection:
    """Return what is meant, by exactly one of `message`, `key` and `tag`.

    Raises InvalidRequestError for none or several of them, and InvalidRequestError or InvalidEmailError for
    what cannot be one.
    """
    names: dict[str, Any] = {"message": message, "key": key, "tag": tag}
    given = {name: value for name, value in names.items() if value is not None}
    if not given:
        raise InvalidRequestError("message", None, "nothing says which mail is meant", _ONE)
    if len(given) > 1:
        first, *others = given
        raise InvalidRequestError(first, given[first], f"is given beside {' and '.join(others)}", _ONE)
    return Selection(
        message=_message(message),
        key=checked_key(key),
        tag=None if tag is None else _tag(tag),
        recipient=None if recipient is None else parse_address("recipient", recipient).email,
    )


def checked_relay(relay: str) -> str:
    """Return the name of a relay: one line of at most 64 characters."""
    name = text.line("relay", relay)
    if not 1 <= len(name) <= MAX_RELAY:
        raise InvalidRequestError(
            "relay",
            relay,
            f"is not 1 to {MAX_RELAY} characters long",
            "Give the name of a relay, such as main.",
        )
    return name


def checked_who(who: str | None) -> str:
    """Return the name of who asks: one line of at most 128 characters."""
    if who is None:
        return APPLICATION
    name = text.line("who", who)
    if not 1 <= len(name) <= MAX_WHO:
        raise InvalidRequestError(
            "who", who, f"is not 1 to {MAX_WHO} characters long", "Give a short name, such as a login."
        )
    return name


def checked_note(field: str, note: str | None) -> str | None:
    """Return what somebody says about a request: any text that every database can hold."""
    if note is None:
        return None
    said = text.plain(field, note)
    if "\0" in said:
        raise InvalidRequestError(field, note, "has a NUL character", "Remove it: databases cannot hold it.")
    return said


def _message(message: object) -> UUID | None:
    if message is None or isinstance(message, UUID):
        return message
    name = text.plain("message", message)
    id_ = id_in(name)
    if id_ is None and not _MESSAGE_ID.fullmatch(name):
        raise InvalidRequestError(
            "message",
            name,
            "is neither an id nor a Message-ID",
            "Give key=… for an idempotency key, tag=… for a tag.",
        )
    return id_


def _tag(tag: object) -> tuple[str, str]:
    pair = tag if isinstance(tag, tuple | list) and len(tag) == 2 and isinstance(tag[0], str) else None  # noqa: PLR2004 - a pair
    found = searchable({pair[0]: pair[1]}) if pair else {}
    if not found:
        raise InvalidRequestError(
            "tag",
            tag,
            "is no tag that mail is found by",
            f"Give a name of at most {MAX_TAG_NAME} characters and a text, number or truth value of at most "
            f"{MAX_TAG_VALUE}, such as ('order', 42).",
        )
    return next(iter(found.items()))
