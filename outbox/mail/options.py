"""Check the options that speak to the queue, not to the reader: key, times, doubt and tags."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from outbox.errors import InvalidEmailError
from outbox.mail import text
from outbox.mail.status import OnDoubt

JSON = Mapping[str, "JSON"] | Sequence["JSON"] | str | int | float | bool | None
"""What `json.dumps` can write."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # what every database holds, in any time zone

MAX_TAG_NAME, MAX_TAG_VALUE = 64, 200
"""The longest name and value, in characters, of a tag that mail is found by."""

MAX_KEY = 200
"""The longest idempotency key, in bytes of UTF-8: what an index of every database can hold."""

# An escaped NUL, not the text \\u0000: PostgreSQL's jsonb refuses it, and long after the insert.
_JSON_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked_key(key: object) -> str | None:
    """Return an idempotency key: 1 to 200 bytes of UTF-8, no control character, compared byte by byte."""
    if key is None:
        return None
    checked = text.plain("key", key)
    if not 1 <= len(checked.encode()) <= MAX_KEY:
        raise InvalidEmailError(
            "key", key, f"is not 1 to {MAX_KEY} bytes long in UTF-8", "Shorten it, or hash the long part."
        )
    if any(unicodedata.category(character) == "Cc" for character in checked):
        raise InvalidEmailError("key", key, "has a control character", "Use printable characters only.")
    return checked


def checked_time(field: str, value: object) -> datetime | None:
    """Return an aware datetime: a naive one means another instant on another host."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise InvalidEmailError(field, value, "is not a datetime", "Give an aware datetime.")
    if value.utcoffset() is None:
        raise InvalidEmailError(
            field, value, "has no time zone", "Give an aware datetime, for example datetime.now(UTC)."
        )
    try:
        year = value.astimezone(UTC).year
    except OverflowError:
        year = 0
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InvalidEmailError(
            field, value, f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}", "Give a nearer time."
        )
    return value


def checked_expiry(send_at: datetime | None, expires_at: object) -> datetime | None:
    """Return `expires_at`, after `send_at` where both are given."""
    checked = checked_time("expires_at", expires_at)
    if send_at is not None and checked is not None and checked <= send_at:
        problem = f"is not after send_at ({send_at.isoformat()})"
        raise InvalidEmailError(
            "expires_at", expires_at, problem, "Give a later expires_at, or an earlier send_at."
        )
    return checked


def checked_on_doubt(value: OnDoubt | str) -> OnDoubt:
    """Return what happens to the mail when nobody can know whether it was sent."""
    if isinstance(value, OnDoubt):
        return value
    try:
        return OnDoubt(value)
    except ValueError:
        choices = ", ".join(repr(choice.value) for choice in OnDoubt)
        raise InvalidEmailError("on_doubt", value, "is not a choice", f"Give one of {choices}.") from None


def checked_tags(tags: object) -> dict[str, JSON] | None:
    """Return a copy of `tags` as the database will hold it: a JSON object of RFC 8259."""
    if tags is None:
        return None
    if not isinstance(tags, Mapping) or not all(isinstance(key, str) for key in tags):
        raise InvalidEmailError("tags", tags, "is not a JSON object", "Give a dict with str keys.")
    try:
        written = json.dumps(dict(tags), ensure_ascii=False, allow_nan=False)
        written.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEmailError(
            "tags",
            tags,
            f"cannot be written as JSON ({error})",
            "Use str, int, float, bool, None, lists and dicts.",
        ) from None
    if _JSON_NUL.search(written):
        raise InvalidEmailError(
            "tags", tags, "has a NUL character", "Remove it: databases cannot hold it in JSON."
        )
    copied: dict[str, JSON] = json.loads(written)
    return copied


def searchable(tags: Mapping[str, JSON] | None) -> dict[str, str]:
    """Return those tags by which a mail is found, each value as text: texts, numbers, true and false.

    Lists, objects, null, and what is longer than the limits are kept with the message only.
    """
    found = {name: _tag_value(value) for name, value in (tags or {}).items() if len(name) <= MAX_TAG_NAME}
    return {name: value for name, value in found.items() if value is not None}


def _tag_value(value: JSON) -> str | None:
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, int | float) else None
    return text if text is not None and len(text) <= MAX_TAG_VALUE else None
