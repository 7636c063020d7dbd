"""Turn an email into the exact bytes that every attempt will send.

7-bit, CRLF, no line above 998 octets, so that no relay has a reason to rewrite it and to break a
signature; only an address beyond ASCII stands in its header as UTF-8 (RFC 6532). The same arguments give
the same bytes. Not built on the `email` package: it costs ten times as much, has written forged headers
(CVE-2024-6923), breaks long URLs, and sends 8-bit bodies by default.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from outbox.mail.address import Address
from outbox.mail.attachment import Attachment
from outbox.mail.calendar import method_of
from outbox.mail.date import date
from outbox.mail.email import Email
from outbox.mail.identity import message_id
from outbox.mail.parts import Part, file_part, multipart, text_part
from outbox.mail.verify import verify
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
    return verify(b"".join((sealed(lines), b"\r\n", *content.body)), _fields(email, content), _types(email))


def _recipients(email: Email) -> list[str]:
    lines = [
        address_field(name, addresses)
        for name, addresses in (("To", email.to), ("Cc", email.cc), ("Reply-To", email.reply_to))
        if addresses
    ]
    if not (email.to or email.cc):
        lines.insert(0, "To: undisclosed-recipients:;")
    return lines


def _fields(email: Email, content: Part) -> list[str]:
    named = [name for name, given in (("To", email.to or not email.cc), ("Cc", email.cc)) if given]
    answers = ["Reply-To"] if email.reply_to else []
    mime = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"][: 1 + len(content.header)]
    return ["Date", "From", *named, *answers, "Subject", "Message-ID", *email.headers, *mime]


def _types(email: Email) -> list[str]:
    bodies = (("text/plain", email.text), ("text/html", email.html))
    shown, attached = (
        [
            str(file.content_type).partition(";")[0].strip()
            for file in email.attachments
            if bool(file.cid) is inline
        ]
        for inline in (True, False)
    )
    types = [kind for kind, body in bodies if body is not None]
    calendar = ["text/calendar"] if email.calendar is not None else []
    return [*types, *shown, *calendar, *attached]


def _content(email: Email, id: UUID) -> Part:  # noqa: A002 - as above
    bodies = [text_part("plain", email.text)] if email.text is not None else []
    if email.html is not None:
        bodies.append(_shown(email.html, [file for file in email.attachments if file.cid is not None], id))
    if email.calendar is not None:
        # Last, as readers take the last of the alternatives that they understand (RFC 2046 section 5.1.4).
        bodies.append(text_part("calendar", email.calendar, f"; method={method_of(email.calendar)}"))
    content = bodies[0] if len(bodies) == 1 else multipart("alternative", bodies, id)
    files = [file_part(file) for file in email.attachments if file.cid is None]
    return multipart("mixed", [content, *files], id) if files else content


def _shown(html: str, images: Sequence[Attachment], id: UUID) -> Part:  # noqa: A002 - as above
    part = text_part("html", html)
    if not images:
        return part
    # RFC 2387 section 3.1: the type of the first part, which shows the others.
    return multipart("related", [part, *map(file_part, images)], id, '; type="text/html"')
