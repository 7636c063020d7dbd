"""Make our Email of Django's message: of its fields where they say it all, else of the bytes it writes."""

from __future__ import annotations

import email.policy
from collections.abc import Mapping
from email.errors import MessageError
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives

from outbox.errors import InvalidEmailError
from outbox.mail.attachment import Attachment
from outbox.mail.email import Email

if TYPE_CHECKING:
    from email.message import Message

OPTIONS = ("key", "send_at", "expires_at", "on_doubt", "tags", "stream")
"""What `message.outbox` may say: how the queue shall treat it."""

_READY_SINCE = (6, 0)
"""The first Django whose `message()` takes a policy."""


class _NotPlainError(Exception):
    """A message says something that our fields have no place for."""


def email_of(message: EmailMessage, usual: Mapping[str, Any]) -> Email:
    """Return `message` with the options of its attribute `outbox`, and the `usual` ones where it has none.

    Raises InvalidEmailError, and ValueError where Django refuses it.
    """
    envelope: dict[str, Any] = {
        "sender": str(message.from_email),
        **{name: [str(one) for one in getattr(message, name) if one] for name in ("to", "cc", "bcc")},
        **usual,
        **_options(message),
    }
    try:
        return Email(**envelope, **_plain(message))
    except (_NotPlainError, InvalidEmailError):
        # What our composer refuses is Django's to write, or to refuse in its own words; the envelope is
        # checked again, as strictly.
        to = [*envelope.pop("to"), *envelope.pop("cc"), *envelope.pop("bcc")]
        return Email(**envelope, to=to, mime=_ready(message))


def _options(message: EmailMessage) -> dict[str, Any]:
    options = getattr(message, "outbox", None) or {}
    if not isinstance(options, Mapping):
        raise InvalidEmailError(
            "outbox", options, "is no dict", 'Give a dict, such as {"key": "receipt-42"}.'
        )
    for name, value in options.items():
        if name not in OPTIONS:
            raise InvalidEmailError(
                f"outbox[{name!r}]", value, "is no option", f"Give any of: {', '.join(OPTIONS)}."
            )
    return dict(options)


def _plain(message: EmailMessage) -> dict[str, Any]:
    """Return the fields of an Email, or raise _NotPlainError."""
    # A subclass may write its messages by itself: signed, encrypted, with parts of its own.
    if type(message) not in {EmailMessage, EmailMultiAlternatives} or _is_rearranged(message):
        raise _NotPlainError
    return {
        "subject": str(message.subject),
        **_bodies(message),
        "reply_to": [str(one) for one in message.reply_to if one],
        "attachments": [_attachment(one) for one in message.attachments],
        # From, To and the like are refused: of the header alone here, they are of the envelope in our fields.
        "headers": {str(name): str(value) for name, value in message.extra_headers.items()},
    }


def _is_rearranged(message: EmailMessage) -> bool:
    charset = str(message.encoding or settings.DEFAULT_CHARSET)
    subtypes = {"mixed_subtype", "alternative_subtype"} & vars(message).keys()
    return charset.lower() not in {"utf-8", "utf8"} or bool(subtypes)


def _bodies(message: EmailMessage) -> dict[str, str]:
    body = str(message.body)
    alternatives = list(getattr(message, "alternatives", ()))
    kinds = [message.content_subtype] * bool(body or not alternatives)
    kinds += [kind.removeprefix("text/") for _, kind in alternatives]
    # Without a body Django sends the attachments alone.
    if not (body or alternatives) and message.attachments:
        raise _NotPlainError
    if kinds not in (["plain"], ["html"], ["plain", "html"]):
        raise _NotPlainError
    contents = [body] * bool(body or not alternatives) + [content for content, _ in alternatives]
    names = {"plain": "text", "html": "html"}
    return {names[kind]: _text(content) for kind, content in zip(kinds, contents, strict=True)}


def _text(content: object) -> str:
    if isinstance(content, bytes):
        raise _NotPlainError
    return str(content)


def _attachment(given: Any) -> Attachment:
    # A part that somebody has made, or a tuple; a name of None is a part without one.
    if not isinstance(given, tuple) or len(given) != len(("name", "content", "type")):
        raise _NotPlainError
    name, content, kind = given
    is_text = str(kind).startswith("text/")
    if not name or not kind or is_text != isinstance(content, str):
        raise _NotPlainError
    if is_text:
        return Attachment(str(name), content.encode(), f"{kind}; charset=utf-8")
    return Attachment(str(name), content, kind)


def _ready(message: EmailMessage) -> bytes:
    """Return the message that Django writes; the same one each time, so that a key knows it again."""
    options = {"policy": email.policy.SMTP.clone(cte_type="7bit")} if django.VERSION >= _READY_SINCE else {}
    try:
        written = message.message(**options)
        if type(message).message in {EmailMessage.message, EmailMultiAlternatives.message}:
            _fix(written, {name.lower() for name in message.extra_headers})
        ready: bytes = written.as_bytes() if options else written.as_bytes(linesep="\r\n")
    except MessageError as error:
        # Of the standard library, for a control character that Django lets pass.
        problem = f"cannot be written ({error})"
        remedy = "Take the control characters out of its headers."
        raise InvalidEmailError("message", str(message.subject), problem, remedy) from error
    return ready


def _fix(written: Message, given: set[str]) -> None:
    """Leave to the outbox what is new each time: the Date, the Message-ID, and the boundaries of parts."""
    for name in ("Date", "Message-ID"):
        if name.lower() not in given:
            del written[name]
    parts = list(written.walk())
    # No content holds its own hash.
    digest = sha256(b"\0".join(_payload(part) for part in parts if not part.is_multipart())).hexdigest()
    for number, part in enumerate(parts):
        if part.get_content_maintype() == "multipart" and part.get_boundary() is None:
            part.set_boundary(f"=_{digest[:40]}_{number}")


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
