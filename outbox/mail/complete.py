"""Make a message that somebody else wrote, by plain SQL, into the exact bytes that every attempt will send.

What is missing is added, what must not be sent is removed, and nothing else changes: a message that needs
nothing comes back byte for byte, so that a signature in it stays good.

A body without MIME headers that plain SMTP cannot carry is encoded. It is UTF-8 where it can be; other bytes
are called `unknown-8bit` (RFC 1428), since nobody told us their charset, and a wrong guess looks like a fact.
"""

from collections.abc import Container, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address, parse_address
from outbox.mail.date import date
from outbox.mail.fields import Field, lines_ended, taken_apart
from outbox.mail.identity import message_id
from outbox.mail.parts import encoded
from outbox.mail.phrases import ADDRESS_FIELDS, readable_names
from outbox.mail.words import address_field, sealed, text_field

MOST_SUBJECT = 998
"""Characters of a subject that the table shows."""

_MOST_ID = 320
_HARD = 998
_NEVER_SENT = frozenset({"bcc", "resent-bcc"})
_RENEWED = frozenset({"date", "message-id"})
# An empty one says nothing; were it kept beside a new one, there would be two.
_NEVER_EMPTY = _RENEWED | {"from"}


class Completed(NamedTuple):
    """What may be sent, with what the table shows of it: its Message-ID, its subject as it is read."""

    mime: bytes
    message_id: str
    subject: str


def completed(mime: bytes, *, id: UUID, sender: str, at: datetime, renew: bool = False) -> Completed:  # noqa: A002 - the message's own id
    """Return `mime` with all that a message needs: CRLF, Date, Message-ID, From, a recipient, 7-bit lines.

    `id`, the envelope's `sender` and `at` (aware) give what is missing; with `renew` Date and Message-ID are
    new ones in any case. Completing again changes nothing. Raises InvalidEmailError for an empty `mime`, and
    for a `sender` that is needed and is not one mailbox.
    """
    if not mime.strip():
        raise InvalidEmailError("mime", mime, "is empty", "Give the whole message: header, empty line, body.")
    given, body = taken_apart(lines_ended(mime))
    dropped = _NEVER_SENT | (_RENEWED if renew else frozenset())
    fields = [
        _readable(field)
        for field in given
        if field.name not in dropped and (field.name not in _NEVER_EMPTY or field.text)
    ]
    # Of several fields of one name the first counts.
    first = {field.name: field for field in reversed(fields)}
    described, body = _described(first, body)
    top = [*_missing(first, id, sender, at), *described]
    head = (sealed(top) if top else b"") + b"".join([field.raw for field in fields])
    return Completed(
        head + body,
        _text(first, "message-id")[:_MOST_ID] or message_id(id, _mailbox(sender)),
        _text(first, "subject")[:MOST_SUBJECT],
    )


def _readable(field: Field) -> Field:
    """Return a subject, or the names beside addresses, of raw UTF-8 as encoded words; all else as it is."""
    if field.raw.isascii():
        return field
    if field.name == "subject":
        return Field(field.name, sealed([text_field("Subject", field.text)]))
    return readable_names(field) if field.name in ADDRESS_FIELDS else field


def _missing(names: Container[str], id: UUID, sender: str, at: datetime) -> list[str]:  # noqa: A002 - as above
    lines = [] if "date" in names else [f"Date: {date(at)}"]
    if "from" not in names:
        lines.append(address_field("From", (_mailbox(sender),)))
    if "to" not in names and "cc" not in names:
        lines.append("To: undisclosed-recipients:;")
    if "message-id" not in names:
        lines.append(f"Message-ID: {message_id(id, _mailbox(sender))}")
    return lines


def _described(first: Mapping[str, Field], body: bytes) -> tuple[list[str], bytes]:
    """Return the MIME headers that are missing, and the body (behind its empty line) as they say it is."""
    if "mime-version" in first:
        return [], body
    empty_line, text = body[:2], body[2:]
    kind = _text(first, "content-type").lower()
    is_described = bool(kind) or "content-transfer-encoding" in first
    lines = ["MIME-Version: 1.0"]
    # What somebody has encoded, or put together of parts, is not a text to be encoded.
    is_text = not kind.startswith(("multipart/", "message/")) and "content-transfer-encoding" not in first
    if not is_text or _is_plain(text):
        return (lines if is_described else []), body
    if not kind:
        lines.append(f"Content-Type: text/plain; charset={_charset(text)}")
    encoding, text = encoded(text)
    return [*lines, f"Content-Transfer-Encoding: {encoding}"], empty_line + text


def _is_plain(body: bytes) -> bool:
    """Whether it can travel as it is: no byte above 127, no NUL, no line above 998 (RFC 5322 section 2.1)."""
    if not body.isascii() or b"\0" in body:
        return False
    return len(body) <= _HARD or max(map(len, body.split(b"\r\n"))) <= _HARD


def _charset(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return "unknown-8bit"
    return "utf-8"


def _text(first: Mapping[str, Field], name: str) -> str:
    return first[name].text if name in first else ""


def _mailbox(sender: str) -> Address:
    address = parse_address("sender", sender)
    if address.name:
        raise InvalidEmailError(
            "sender", sender, "has more than the address", "Put the name into the message's From header."
        )
    return address
