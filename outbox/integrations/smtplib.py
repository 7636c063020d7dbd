"""An object with the interface of smtplib.SMTP that enqueues what it is told to send.

What smtplib does itself stays its own: `sendmail` and `send_message` are inherited, and with them the rules
for Resent and Bcc headers, line ends, refused recipients, and exceptions. Only the commands, to which a
server would answer, are answered here.
"""

from __future__ import annotations

import smtplib
from smtplib import SMTPDataError, SMTPServerDisconnected, quoteaddr
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from outbox.errors import DatabaseLockedError, InvalidEmailError, MessageTooLargeError
from outbox.intake import Outbox
from outbox.integrations.engines import engine_of
from outbox.mail.address import parse_address
from outbox.mail.email import Email

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from outbox.handover import Fields
    from outbox.store.transaction import Target

Reply: TypeAlias = tuple[int, bytes]

_REPLIES = {
    "AUTH": (235, b"2.7.0 The daemon logs in to the relay"),
    "HELP": (214, b"2.0.0 docs/smtplib.md"),
    "NOOP": (250, b"2.0.0 Ok"),
    "QUIT": (221, b"2.0.0 Bye"),
    "RSET": (250, b"2.0.0 Ok"),
    "VRFY": (252, b"2.0.0 Send some mail"),
}
_OPTIONS = frozenset({"SMTPUTF8", "BODY=8BITMIME", "BODY=7BIT"})
"""What the daemon finds out for itself, and so need not be told."""


_SOMEBODY = "somebody@example.org"
_SOMETHING = b"Subject: something\r\n\r\n"


class SMTP(smtplib.SMTP):
    """Enqueues mail into `transaction`, a Session or Connection; or each in a short one of its own.

    For these give an Engine or a database URL. `outbox` is that of the application, `fields` are options of
    `enqueue`, such as `stream` or `tags`, for every mail. Host, port, TLS and login are the daemon's: what is
    asked of them succeeds, and does nothing. A recipient that can never be sent to is refused as by a server.
    What a database refuses raises SMTPDataError with code 451 where the transaction is ours, and what the
    database raised where it is yours. Raises InvalidEmailError or TypeError for a field that no mail can
    have.
    """

    def __init__(
        self,
        transaction: Target | Engine | URL | str,
        *,
        outbox: Outbox | None = None,
        **fields: Unpack[Fields],
    ) -> None:
        # What is wrong with an option is known now, and is no fault of each mail.
        Email(**{"sender": _SOMEBODY, "to": _SOMEBODY, "mime": _SOMETHING, **fields})  # type: ignore[arg-type] # as was asked
        # Named, as smtplib would ask the name server.
        super().__init__(local_hostname="localhost")
        self.last_id: UUID | None = None
        """The id of the last mail that was enqueued."""
        is_ours = isinstance(transaction, Engine | URL | str)
        self._engine = engine_of(transaction) if is_ours else None  # type: ignore[arg-type] # as was asked
        self._transaction: Any = transaction
        self._outbox = outbox or Outbox()
        self._fields = fields
        self._is_open = True
        self._verb = ""
        self._sender = ""
        self._recipients: list[str] = []

    def connect(self, host: str = "", port: int = 0, source_address: Any = None) -> Reply:
        """Open what was closed; `host` and `port` are the daemon's business."""
        del host, port, source_address
        self._is_open = True
        return 220, b"outbox"

    def close(self) -> None:
        """Enqueue no more, until `connect`; what is enqueued stays."""
        self._is_open = False

    def ehlo(self, name: str = "") -> Reply:
        """Say hello; the outbox takes 8-bit bodies and addresses in any script."""
        del name
        self._require_open()
        self.does_esmtp = True
        self.esmtp_features = {"8bitmime": "", "smtputf8": ""}
        self.ehlo_resp = b"outbox"
        return 250, self.ehlo_resp

    def helo(self, name: str = "") -> Reply:
        """Say hello."""
        del name
        self._require_open()
        self.helo_resp = b"outbox"
        return 250, self.helo_resp

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> Reply:
        """Do nothing: the daemon logs in, with its own settings."""
        del user, password, initial_response_ok
        return self.docmd("AUTH")

    def starttls(self, *given: Any, **options: Any) -> Reply:
        """Do nothing: the daemon's own settings say how it encrypts."""
        del given, options
        self._require_open()
        return 220, b"2.0.0 The daemon encrypts"

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Take a command that is about no mail."""
        del args
        self._require_open()
        self._verb = cmd.upper()

    def getreply(self) -> Reply:
        """Answer the command before."""
        if self._verb == "RSET":
            self._forget()
        return _REPLIES.get(self._verb, (502, b"5.5.1 The outbox is no server"))

    def mail(self, sender: str, options: Sequence[str] = ()) -> Reply:
        """Begin a mail; answer 553 to an address that is none, 555 to an option that cannot be kept."""
        self._require_open()
        self._forget()
        for option in options:
            if option.upper() not in _OPTIONS:
                return _unsupported(option)
        reply, self._sender = _heard("sender", sender)
        return reply

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Reply:
        """Add a recipient; answer 553 to an address that is none, 555 to any option."""
        self._require_open()
        if not self._sender:
            return 503, b"5.5.1 Need MAIL first"
        for option in options:
            return _unsupported(option)
        reply, recipient = _heard("to", recip)
        if recipient:
            self._recipients.append(recipient)
        return reply

    def data(self, msg: Any) -> Reply:
        """Enqueue the mail; answer 552 to one that is too large, 554 to one that is none.

        Raises SMTPDataError where there is no recipient, as to a server that does not ask for the data.
        """
        self._require_open()
        if not self._recipients:
            raise SMTPDataError(503, b"5.5.1 Need RCPT first")
        if isinstance(msg, str):
            msg = "\r\n".join(msg.replace("\r\n", "\n").replace("\r", "\n").split("\n")).encode("ascii")
        fields: Fields = {**self._fields, "sender": self._sender, "to": self._recipients, "mime": msg}
        self._forget()
        try:
            self.last_id = self._enqueue(fields)
        except MessageTooLargeError as error:
            return 552, f"5.3.4 {error}".encode()
        except InvalidEmailError as error:
            return 554, f"5.6.0 {error}".encode()
        return 250, f"2.0.0 Ok: queued as {self.last_id}".encode()

    def _enqueue(self, fields: Fields) -> UUID:
        if self._engine is None:
            return self._outbox.enqueue(self._transaction, **fields)
        try:
            with self._engine.begin() as connection:
                return self._outbox.enqueue(connection, **fields)
        except (DBAPIError, DatabaseLockedError) as error:
            reason = f"4.3.0 The outbox's database did not take the mail ({getattr(error, 'orig', error)})"
            raise SMTPDataError(451, reason.encode()) from error

    def _forget(self) -> None:
        self._sender, self._recipients = "", []

    def _require_open(self) -> None:
        if not self._is_open:
            raise SMTPServerDisconnected("please run connect() first")


def _heard(field: str, given: str) -> tuple[Reply, str]:
    """Return the answer to an address, and the address; "" for one that can never be sent to."""
    try:
        # As smtplib writes it into the command: "Ada <ada@example.org>" is heard as its address.
        address = parse_address(field, quoteaddr(given).strip().removeprefix("<").removesuffix(">"))
    except InvalidEmailError as error:
        return (553, f"5.1.3 {error}".encode()), ""
    return (250, b"2.1.0 Ok"), address.email


def _unsupported(option: str) -> Reply:
    return 555, f"5.5.4 {option} is not kept by the outbox".encode()
