"""A mail, as Flask-Mail has it: what an application fills in, and sends by `mail.send(message)`."""

from __future__ import annotations

import re
import warnings
from email.utils import make_msgid
from typing import TYPE_CHECKING

from flask import current_app

from outbox.errors import OutboxError, shown
from outbox.integrations.flask.attachment import Attachment, Headers
from outbox.integrations.flask.compose import compose
from outbox.integrations.flask.sanitize import Mailbox, force_text

if TYPE_CHECKING:
    from collections.abc import Iterable, KeysView

    from outbox.integrations.flask.connection import Connection

# RFC 5322 section 2.2.3: a line of a folded header begins with a space, and says something.
_FOLDED = re.compile(r"[^\r\n]+(?:\r\n[\t ][^\r\n]*[^\s][^\r\n]*)*")
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,"]')


class BadHeaderError(OutboxError):
    """A line break in what becomes a header: it would forge another one."""


class Message:
    """One mail. Addresses are texts or pairs of name and address; `alts` are bodies by subtype, as "html".

    Without `sender` it is MAIL_DEFAULT_SENDER's. `date` is in seconds since 1970; `charset`, `mail_options`
    and `rcpt_options` are kept for who reads them: mail is composed in UTF-8, and the daemon asks the relay
    for what it needs.
    """

    def __init__(
        self,
        subject: str = "",
        recipients: list[Mailbox] | None = None,
        body: str | None = None,
        html: str | None = None,
        alts: dict[str, str] | Iterable[tuple[str, str]] | None = None,
        sender: Mailbox | None = None,
        cc: list[Mailbox] | None = None,
        bcc: list[Mailbox] | None = None,
        attachments: list[Attachment] | None = None,
        reply_to: Mailbox | None = None,
        date: float | None = None,
        charset: str | None = None,
        extra_headers: dict[str, str] | None = None,
        mail_options: list[str] | None = None,
        rcpt_options: list[str] | None = None,
    ) -> None:
        sender = sender or current_app.extensions["mail"].default_sender
        self.recipients = recipients or []
        self.subject = subject
        self.sender: Mailbox | None = written(sender) if isinstance(sender, tuple) else sender
        self.reply_to = reply_to
        self.cc = cc or []
        self.bcc = bcc or []
        self.body = body
        self.alts: dict[str, str] = dict(alts or {})
        self.html = html
        self.date = date
        # Under the sender's domain: this host's name may be private, and to ask for it may take seconds.
        self.msgId = make_msgid(domain=_domain(self.sender))
        self.charset = charset
        self.extra_headers = extra_headers
        self.mail_options = mail_options or []
        self.rcpt_options = rcpt_options or []
        self.attachments = attachments or []

    @property
    def send_to(self) -> KeysView[Mailbox]:
        """Every recipient once, in order; it equals a set of them."""
        return dict.fromkeys((*self.recipients, *self.cc, *self.bcc)).keys()

    @property
    def html(self) -> str | None:
        """The HTML body, one of `alts`."""
        return self.alts.get("html")

    @html.setter
    def html(self, value: str | None) -> None:
        if value is None:
            self.alts.pop("html", None)
        else:
            self.alts["html"] = value

    def add_recipient(self, recipient: Mailbox) -> None:
        """Add one more recipient."""
        self.recipients.append(recipient)

    def attach(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Add a file; see Attachment."""
        self.attachments.append(Attachment(filename, content_type, data, disposition, headers))

    def send(self, connection: Connection) -> None:
        """Check it, and hand it over."""
        connection.send(self)

    def as_bytes(self) -> bytes:
        """Return the message as it would be sent now. Raises InvalidEmailError."""
        return compose(self)

    def as_string(self) -> str:
        """Return the same as text; only an address can be beyond ASCII."""
        return self.as_bytes().decode()

    def __bytes__(self) -> bytes:
        return self.as_bytes()

    def __str__(self) -> str:
        return self.as_string()

    def has_bad_headers(self) -> bool:
        """Tell whether a line break stands where it would forge a header; a folded subject is none."""
        return self._bad_header() is not None

    def is_bad_headers(self) -> bool:
        """Do as `has_bad_headers`, by its old name."""
        warnings.warn("'is_bad_headers' is renamed to 'has_bad_headers'.", DeprecationWarning, stacklevel=2)
        return self.has_bad_headers()

    def refuse_bad_headers(self) -> None:
        """Raise BadHeaderError, which names the field."""
        if found := self._bad_header():
            field, value = found
            raise BadHeaderError(
                f"{field}: has a line break, which would forge a header: {shown(value)}. Remove it."
            )

    def _bad_header(self) -> tuple[str, object] | None:
        """Return the field with a line break, and its value."""
        fields: dict[str, Iterable[Mailbox | None]] = {
            "sender": [self.sender],
            "recipients": self.recipients,
            "cc": self.cc,
            "bcc": self.bcc,
            "reply_to": [self.reply_to],
        }
        for field, values in fields.items():
            for value in values:
                texts = value if isinstance(value, tuple) else (value,)
                if any(re.search(r"[\r\n]", force_text(text)) for text in texts if text is not None):
                    return field, value
        subject = force_text(self.subject or "")
        return ("subject", self.subject) if subject and not _FOLDED.fullmatch(subject) else None


def written(mailbox: tuple[str, str]) -> str:
    """Return a pair as one text, as Flask-Mail does; but a name that would be misread stands in quotes."""
    name, address = mailbox
    name = force_text(name or "")
    if _SPECIAL.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _domain(sender: object) -> str:
    found = re.search(r"@([A-Za-z0-9.-]+)>?\s*$", str(sender))
    return found[1] if found else "localhost"
