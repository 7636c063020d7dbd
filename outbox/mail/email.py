"""What an application hands over: one email, proven sendable the moment it is made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from outbox.errors import InvalidEmailError
from outbox.mail import text as texts
from outbox.mail.address import Address, parse_address
from outbox.mail.attachment import Attachment
from outbox.mail.calendar import checked_calendar
from outbox.mail.headers import checked_headers
from outbox.mail.inline import refuse_unshown
from outbox.mail.options import (
    JSON,
    checked_expiry,
    checked_key,
    checked_on_doubt,
    checked_tags,
    checked_time,
)
from outbox.mail.standard_headers import AutoSubmitted, Importance, merged, standard_headers
from outbox.mail.status import OnDoubt
from outbox.mail.stream import DEFAULT, checked_stream

__all__ = ["JSON", "Address", "Addresses", "Attachment", "Email"]

Addresses = str | Address | Sequence[str | Address]
"""One address or several, as an application may give them."""

_NO_HEADERS: Mapping[str, str] = {}
_COMPOSED = ("cc", "bcc", "reply_to", "subject", "text", "html", "calendar", "attachments", "headers")
"""What a message that is handed over ready says itself."""


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Email:
    """One email: who, what, and how the queue shall treat it.

    Bodies are text, the line ends are of any kind; `calendar` is an iCalendar text with a METHOD. In place of
    them `mime` may hold a whole message: then `to` is its envelope, and its header says the rest.
    `in_reply_to` and `references` take Message-IDs, `unsubscribe` https and mailto addresses; these,
    `auto_submitted` and `importance` become `headers`. `key` makes a repeated enqueue return the first mail,
    `send_at` and `expires_at` are aware, `tags` are for your own queries, `stream` is the lane that it waits
    in. Every fault raises InvalidEmailError, which names the field, the value and the remedy.
    """

    # Why a written-out __init__: it takes the many forms that an application may give, while the
    # fields have the one form that everything behind can rely on.
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    sender: Address | None
    subject: str
    text: str | None
    html: str | None
    calendar: str | None
    mime: bytes | None
    attachments: tuple[Attachment, ...]
    headers: dict[str, str]
    key: str | None
    send_at: datetime | None
    expires_at: datetime | None
    on_doubt: OnDoubt
    tags: dict[str, JSON] | None
    stream: str

    def __init__(
        self,
        *,
        to: Addresses = (),
        cc: Addresses = (),
        bcc: Addresses = (),
        reply_to: Addresses = (),
        sender: str | Address | None = None,
        subject: str = "",
        text: str | None = None,
        html: str | None = None,
        calendar: str | None = None,
        mime: bytes | None = None,
        attachments: Sequence[Attachment] = (),
        headers: Mapping[str, str] = _NO_HEADERS,
        in_reply_to: str | None = None,
        references: str | Sequence[str] = (),
        unsubscribe: str | Sequence[str] = (),
        auto_submitted: AutoSubmitted | str | None = None,
        importance: Importance | str | None = None,
        key: str | None = None,
        send_at: datetime | None = None,
        expires_at: datetime | None = None,
        on_doubt: OnDoubt | str = OnDoubt.RESEND,
        tags: Mapping[str, JSON] | None = None,
        stream: str = DEFAULT,
    ) -> None:
        put = object.__setattr__
        put(self, "to", _addresses("to", to))
        put(self, "cc", _addresses("cc", cc))
        put(self, "bcc", _addresses("bcc", bcc))
        put(self, "reply_to", _addresses("reply_to", reply_to))
        put(self, "sender", None if sender is None else parse_address("sender", sender))
        put(self, "subject", texts.line("subject", subject))
        put(self, "text", None if text is None else texts.plain("text", text))
        put(self, "html", None if html is None else texts.plain("html", html))
        put(self, "calendar", None if calendar is None else checked_calendar(calendar))
        put(self, "mime", None if mime is None else _ready(mime))
        put(self, "attachments", _attachments(attachments))
        ours = standard_headers(
            in_reply_to=in_reply_to,
            references=references,
            unsubscribe=unsubscribe,
            auto_submitted=auto_submitted,
            importance=importance,
        )
        put(self, "headers", checked_headers(merged(headers, ours)))
        put(self, "key", checked_key(key))
        put(self, "send_at", checked_time("send_at", send_at))
        put(self, "expires_at", checked_expiry(self.send_at, expires_at))
        put(self, "on_doubt", checked_on_doubt(on_doubt))
        put(self, "tags", checked_tags(tags))
        put(self, "stream", checked_stream(stream))
        self._refuse_holes()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope: every address of to, cc and bcc once, in this order."""
        # Domains are lower case already; a local part is the receiver's own business (RFC 5321 section 2.4).
        return tuple(dict.fromkeys(address.email for address in (*self.to, *self.cc, *self.bcc)))

    def _refuse_holes(self) -> None:
        if not (self.to or self.cc or self.bcc):
            raise InvalidEmailError(
                "to", self.to, "nobody to send to", "Give at least one of to, cc and bcc."
            )
        if self.mime is not None:
            self._refuse_what_mime_says()
        elif self.text is None and self.html is None:
            raise InvalidEmailError(
                "text", self.text, "no body", 'Give text, html or both; text="" for an empty mail.'
            )
        refuse_unshown(self.html, self.attachments)

    def _refuse_what_mime_says(self) -> None:
        for field in _COMPOSED:
            if value := getattr(self, field):
                raise InvalidEmailError(
                    field, value, "is given beside mime", "Write it into the message, or let us compose one."
                )


def _ready(value: object) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidEmailError(
            "mime", value, "is not bytes", "Give a whole message; an EmailMessage makes one by as_bytes()."
        )
    return bytes(value)


def _addresses(field: str, value: Addresses) -> tuple[Address, ...]:
    # Nearly all mails leave out three of the four, and the questions below are dear.
    if type(value) is tuple and not value:
        return ()
    if isinstance(value, str | Address):
        return (parse_address(field, value),)
    # A bytes object and a mapping are iterable too, and never meant.
    if isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        raise InvalidEmailError(field, value, "is no address", "Give a str, an Address, or a list of them.")
    return tuple(parse_address(field, one) for one in value)


def _attachments(value: object) -> tuple[Attachment, ...]:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise InvalidEmailError("attachments", value, "is not a list", "Give a list of Attachment.")
    attachments = tuple(value)
    for attachment in attachments:
        if not isinstance(attachment, Attachment):
            raise InvalidEmailError(
                "attachments", attachment, "is no Attachment", "Give Attachment(name, bytes)."
            )
    return attachments
