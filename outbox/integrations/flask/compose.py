"""Turn a message of Flask-Mail's into the bytes that are sent, by the outbox's own encoders.

Not by way of the fields of an Email: this has what those do not, such as alternatives of any subtype, a file
without a name, or a Message-ID that the application already knows.
"""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from flask import current_app

from outbox.errors import InvalidEmailError
from outbox.integrations.flask.sanitize import Mailbox, force_text
from outbox.mail import text as texts
from outbox.mail.address import Address, parse_address
from outbox.mail.attachment import Attachment as File
from outbox.mail.date import date
from outbox.mail.email import Email
from outbox.mail.headers import checked_headers
from outbox.mail.parts import Part, base64_lines, filename_parameter, multipart, text_part
from outbox.mail.verify import verify
from outbox.mail.words import address_field, as_it_stands, own_field, sealed, text_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outbox.integrations.flask.attachment import Attachment
    from outbox.integrations.flask.message import Message

_FOLD = re.compile(r"\r\n[\t ]|\t")
_SUBTYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}")
_DISPOSITION = re.compile(r"[A-Za-z0-9-]{1,64}")
_BLANK = re.compile(r"\s+")
# What the daemon asks the relay for by itself, where a mail needs it.
_ASKED_FOR = re.compile(r"SMTPUTF8|BODY=.*|SIZE=.*", re.IGNORECASE)
_MAILBOXES = {"sender": "Sender", "reply-to": "Reply-To"}
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")


def email_of(message: Message, envelope_from: Mailbox | None = None) -> Email:
    """Return `message` with its envelope, proven sendable. Raises InvalidEmailError.

    `message.date` must be set: the same bytes are sent whenever the mail is inserted.
    """
    _refuse_options("mail_options", message.mail_options)
    _refuse_options("rcpt_options", message.rcpt_options)
    recipients = [
        *_mailboxes("recipients", message.recipients),
        *_mailboxes("cc", message.cc),
        *_mailboxes("bcc", message.bcc),
    ]
    sender = _mailbox("sender", envelope_from or message.sender)
    return Email(sender=sender, to=recipients, mime=compose(message))


def compose(message: Message) -> bytes:
    """Return the message of RFC 5322 and 2045. Bcc is never written. Raises InvalidEmailError."""
    content = _content(message)
    at = datetime.fromtimestamp(time.time() if message.date is None else message.date, UTC)
    lines = [
        *_originators(message),
        *_recipients(message),
        *_subject(message),
        f"Date: {date(at)}",
        f"Message-ID: {_message_id(message.msgId)}",
        *_own_headers(message),
        "MIME-Version: 1.0",
        *content.header,
    ]
    names = [line.partition(":")[0] for line in lines]
    return verify(b"".join((sealed(lines), b"\r\n", *content.body)), names, _types(message))


def _mailbox(field: str, value: object) -> Address:
    if not isinstance(value, tuple):
        return parse_address(field, force_text(value))
    if len(value) != 2:  # noqa: PLR2004 - a pair
        raise InvalidEmailError(field, value, "is no pair of name and address", "Give (name, address).")
    name, address = value
    email = parse_address(field, force_text(address)).email
    return Address(texts.line(field, force_text(name or "")), email)


def _mailboxes(field: str, values: object) -> list[Address]:
    if not isinstance(values, list | tuple | set | frozenset | dict):
        raise InvalidEmailError(field, values, "is not a list", "Give a list of addresses.")
    return list(dict.fromkeys(_mailbox(field, value) for value in values))


def _refuse_options(field: str, options: Iterable[str]) -> None:
    for option in options:
        if not _ASKED_FOR.fullmatch(option):
            raise InvalidEmailError(
                field,
                option,
                "does not travel with a mail of the outbox",
                "Leave it out; reports are asked for by the daemon's setting smtp_dsn_notify.",
            )


def _originators(message: Message) -> list[str]:
    lines = [address_field("From", (_mailbox("sender", message.sender),))]
    if message.reply_to:
        lines.append(address_field("Reply-To", (_mailbox("reply_to", message.reply_to),)))
    return lines


def _recipients(message: Message) -> list[str]:
    named = (("To", "recipients", message.recipients), ("Cc", "cc", message.cc))
    lines = [address_field(name, _mailboxes(field, values)) for name, field, values in named if values]
    return lines or ["To: undisclosed-recipients:;"]


def _subject(message: Message) -> list[str]:
    subject = texts.line("subject", _FOLD.sub(" ", force_text(message.subject or "")))
    return [text_field("Subject", subject)] if subject else []


def _message_id(value: str) -> str:
    if not _MESSAGE_ID.fullmatch(texts.line("msgId", value)) or not value.isascii():
        raise InvalidEmailError("msgId", value, "is not a Message-ID", "Give one like '<4f2a@example.org>'.")
    return value


def _own_headers(message: Message) -> list[str]:
    lines, others = [], {}
    for name, given in (message.extra_headers or {}).items():
        value = _FOLD.sub(" ", force_text(given))
        # Flask-Mail has no other place for a Sender, and some set a Reply-To here.
        mailbox = _MAILBOXES.get(name.lower())
        if mailbox is None or (mailbox == "Reply-To" and message.reply_to):
            others[name] = value
        else:
            lines.append(address_field(mailbox, (_mailbox(f"extra_headers[{name!r}]", value),)))
    return lines + [own_field(name, value) for name, value in checked_headers(others).items()]


def _content(message: Message) -> Part:
    # The same message gives the same bytes.
    id_ = uuid5(NAMESPACE_URL, message.msgId)
    bodies = [text_part(subtype, text) for subtype, text in _bodies(message).items()]
    content = bodies[0] if len(bodies) == 1 else multipart("alternative", bodies, id_)
    files = [_file_part(file) for file in message.attachments]
    return multipart("mixed", [content, *files], id_) if files else content


def _bodies(message: Message) -> dict[str, str]:
    """Return the texts by subtype, in order; an empty one beside others would only hide them."""
    plain = texts.plain("body", force_text(message.body or ""))
    bodies = {"plain": plain} if plain or not message.alts else {}
    for subtype, text in message.alts.items():
        if not _SUBTYPE.fullmatch(subtype):
            raise InvalidEmailError("alts", subtype, "is no subtype of text", "Give one such as 'html'.")
        bodies[subtype] = texts.plain(f"alts[{subtype!r}]", force_text(text))
    return bodies


def _types(message: Message) -> list[str]:
    files = [_file(each)[1].partition(";")[0].strip() for each in message.attachments]
    return [*(f"text/{subtype}" for subtype in _bodies(message)), *files]


def _file(attachment: Attachment) -> tuple[bytes, str]:
    """Return the content, and the type as it is sent: a text that is not ASCII says that it is UTF-8."""
    data, kind = attachment.data, attachment.content_type
    if isinstance(data, str):
        if kind.startswith("text/") and not data.isascii() and "charset" not in kind:
            kind = f"{kind}; charset=utf-8"
        data = texts.plain("attachments.data", data).encode()
    file = File(attachment.filename or "nameless", data, kind)
    return file.content, str(file.content_type)


def _file_part(attachment: Attachment) -> Part:
    content, kind = _file(attachment)
    header = [as_it_stands("Content-Type", kind), "Content-Transfer-Encoding: base64"]
    if attachment.filename is not None:
        header.append(_disposition(attachment.disposition, attachment.filename))
    for name, value in attachment.headers.items():
        if name.lower() in {line.partition(":")[0].lower() for line in header}:
            raise InvalidEmailError(
                "attachments.headers",
                name,
                "is written for every file",
                "Use the parameters content_type, filename and disposition.",
            )
        header.append(_part_header(name, value))
    return Part(tuple(header), (base64_lines(content),), is_encoded=True)


def _disposition(disposition: str, filename: str) -> str:
    if not _DISPOSITION.fullmatch(disposition):
        raise InvalidEmailError(
            "attachments.disposition", disposition, "is no disposition", "Give 'attachment' or 'inline'."
        )
    name = texts.line("attachments.filename", filename).strip()
    if current_app.extensions["mail"].ascii_attachments:
        name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        name = _BLANK.sub(" ", name).strip()
    return f"Content-Disposition: {disposition};\r\n {filename_parameter(name)}"


def _part_header(name: str, value: str) -> str:
    field = f"attachments.headers[{name!r}]"
    if not _SUBTYPE.fullmatch(name):
        raise InvalidEmailError(field, name, "is not a header name", "Use printable ASCII characters.")
    return own_field(name, texts.line(field, force_text(value)))
