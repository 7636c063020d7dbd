"""One mail as the application enqueued it, in the forms that a test asks for."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.policy import SMTP
from functools import cached_property
from typing import TYPE_CHECKING, Any

from outbox.mail.attachment import Attachment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from outbox.mail.address import Address
    from outbox.mail.email import Email
    from outbox.store.insert import NewMessage

_SHOWN = 60


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Message:
    """A captured mail. Addresses are bare ("ann@example.org"); `email["To"]` has them with their names.

    `template`, `context` and `locale` are what `enqueue` was given, None for a mail without a template.
    """

    asked: Email
    """What the application asked for, checked."""
    new: NewMessage
    """What would have been inserted."""
    template: str | None = None
    context: Mapping[str, object] | None = None
    locale: str | None = None

    @property
    def id(self) -> UUID:
        """The id that `enqueue` returned."""
        return self.new.id

    @property
    def sender(self) -> str:
        """The envelope's sender, which may be the default of the outbox."""
        return self.new.sender

    @property
    def to(self) -> list[str]:
        """The addresses of `to`; those of a ready message (`mime`) are its envelope."""
        return _bare(self.asked.to)

    @property
    def cc(self) -> list[str]:
        """The addresses of `cc`."""
        return _bare(self.asked.cc)

    @property
    def bcc(self) -> list[str]:
        """The addresses of `bcc`, which stand in no header."""
        return _bare(self.asked.bcc)

    @property
    def reply_to(self) -> list[str]:
        """The addresses of `reply_to`."""
        return _bare(self.asked.reply_to)

    @property
    def recipients(self) -> list[str]:
        """Everybody who gets it: each address of to, cc and bcc once, in this order."""
        return list(self.new.recipients)

    @property
    def subject(self) -> str:
        """The subject as a reader sees it."""
        return self.new.subject

    @property
    def text(self) -> str | None:
        """The plain text; None if there is none."""
        return self.asked.text if self.asked.mime is None else _body(self.email, "plain")

    @property
    def html(self) -> str | None:
        """The HTML; None if there is none."""
        return self.asked.html if self.asked.mime is None else _body(self.email, "html")

    @property
    def attachments(self) -> list[Attachment]:
        """The files, images within the HTML too: `filename`, `content_type`, `content` (bytes), `cid`."""
        if self.asked.mime is None:
            return list(self.asked.attachments)
        return [_file(part) for part in self.email.walk() if part.get_filename()]

    @property
    def headers(self) -> dict[str, str]:
        """Every header that the mail is sent with, decoded; of several by one name the last."""
        return {name: str(value) for name, value in self.email.items()}

    @property
    def key(self) -> str | None:
        """The idempotency key."""
        return self.new.key

    @property
    def tags(self) -> dict[str, Any]:
        """The tags; empty if there are none."""
        return dict(self.asked.tags or {})

    @property
    def stream(self) -> str:
        """The stream that it would wait in."""
        return self.new.stream

    @property
    def send_at(self) -> datetime | None:
        """When it is to be sent, aware; None for at once."""
        return self.new.send_at

    @property
    def expires_at(self) -> datetime | None:
        """When it is too late to send it, aware; None for never."""
        return self.new.expires_at

    @property
    def raw(self) -> bytes:
        """The exact bytes that every attempt would send."""
        return self.new.mime

    @cached_property
    def email(self) -> EmailMessage:
        """The bytes, as Python's own parser reads them."""
        parsed = BytesParser(policy=SMTP).parsebytes(self.raw)
        assert isinstance(parsed, EmailMessage)  # noqa: S101 - what this policy makes
        return parsed

    def __repr__(self) -> str:
        subject = self.subject if len(self.subject) <= _SHOWN else f"{self.subject[:_SHOWN]}…"
        hidden = [f"bcc {', '.join(self.bcc)}"] if self.bcc else []
        shown = [f"{name} {', '.join(to)}" for name, to in (("to", self.to), ("cc", self.cc)) if to]
        return f"<Message {' '.join([*shown, *hidden])}: {subject!r}>"


def _bare(addresses: tuple[Address, ...]) -> list[str]:
    return [address.email for address in addresses]


def _body(email: EmailMessage, kind: str) -> str | None:
    part = email.get_body((kind,))
    return None if part is None else str(part.get_content()).replace("\r\n", "\n")


def _file(part: MIMEPart) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        str(part.get_filename()),
        content if isinstance(content, bytes) else b"",
        part.get_content_type(),
    )
