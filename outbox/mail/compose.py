"""Turn an email into the exact bytes that every attempt will send.

7-bit, CRLF, no line above 998 octets, so that no relay has a reason to rewrite it and to break a
signature; only an address beyond ASCII stands in its header as UTF-8 (RFC 6532). The same arguments give
the same bytes. Not built on the `email` package: it costs ten times as much, has written forged headers
(CVE-2024-6923), breaks long URLs, and sends 8-bit bodies by default.
"""

from datetime import datetime
from uuid import UUID

from outbox.mail.address import Address
from outbox.mail.date import date
from outbox.mail.email import Email
from outbox.mail.identity import message_id
from outbox.mail.parts import Part, file_part, multipart, text_part
from outbox.mail.words import address_field, own_field, sealed, text_field


def compose(email: Email, *, id: UUID, sender: Address, at: datetime) -> bytes:  # noqa: A002 - the message's own id
    """Return the message of RFC 5322 and 2045: `id` names it and its boundaries, `at` (aware) is its Date.

    `sender` is the From header, whatever `email.sender` says: the caller has settled the default. Bcc is
    never written. Raises ValueError for a naive `at`, and for a header that would not be one header.
    """
    content = _content(email, id)
    lines = [
        f"Date: {date(at)}",
        address_field("From", (sender,)),
        *_recipients(email),
        text_field("Subject", email.subject),
        f"Message-ID: {message_id(id, sender)}",
        *[own_field(name, value) for name, value in email.headers.items()],
        "MIME-Version: 1.0",
        *content.header,
    ]
    return b"".join((sealed(lines), b"\r\n", *content.body))


def _recipients(email: Email) -> list[str]:
    lines = [
        address_field(name, addresses)
        for name, addresses in (("To", email.to), ("Cc", email.cc), ("Reply-To", email.reply_to))
        if addresses
    ]
    if not (email.to or email.cc):
        lines.insert(0, "To: undisclosed-recipients:;")
    return lines


def _content(email: Email, id: UUID) -> Part:  # noqa: A002 - as above
    texts = [
        text_part(subtype, body)
        for subtype, body in (("plain", email.text), ("html", email.html))
        if body is not None
    ]
    content = texts[0] if len(texts) == 1 else multipart("alternative", texts, id)
    if email.attachments:
        content = multipart("mixed", [content, *map(file_part, email.attachments)], id)
    return content
