"""Speak smtplib's side of a conversation without a connection.

What smtplib does itself stays its own: `sendmail` and `send_message` are inherited, and with them the rules
for Resent and Bcc headers, line ends, refused recipients, and exceptions. Only the commands, to which a
server would answer, are answered: those about no mail here, the others by `server.py`.
"""

from __future__ import annotations

import smtplib
from smtplib import SMTPServerDisconnected
from typing import TYPE_CHECKING, Any, Never, Unpack

from outbox.errors import UnusableConnectionError
from outbox.intake import Outbox
from outbox.integrations.smtplib.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import URL, Engine

    from outbox.handover import Fields
    from outbox.integrations.smtplib.server import Reply
    from outbox.store.transaction import Target

_REPLIES = {
    "AUTH": (235, b"2.7.0 The daemon logs in to the relay"),
    "HELP": (214, b"2.0.0 docs/smtplib.md"),
    "NOOP": (250, b"2.0.0 Ok"),
    "QUIT": (221, b"2.0.0 Bye"),
    "RSET": (250, b"2.0.0 Ok"),
    "VRFY": (252, b"2.0.0 Send some mail"),
}


_SMTPLIB_S = "host", "port", "local_hostname", "timeout", "source_address"


class SMTP(smtplib.SMTP):
    """Enqueues mail into `transaction`, a Session or Connection; or each in a short one of its own.

    For these give an Engine or a database URL. `outbox` is that of the application, `fields` are options of
    `enqueue`, such as `stream` or `tags`, for every mail. Host, port, TLS and login are the daemon's: what is
    asked of them succeeds, and does nothing. A recipient that can never be sent to is refused as by a server.
    What a database refuses raises SMTPDataError with code 451 where the transaction is ours, and what the
    database raised where it is yours. Raises UnusableConnectionError where what smtplib takes is given in
    place of a transaction, and InvalidEmailError or TypeError for a field that no mail can have.
    """

    def __init__(
        self,
        transaction: Target | Engine | URL | str,
        *misplaced: Never,
        outbox: Outbox | None = None,
        **fields: Unpack[Fields],
    ) -> None:
        theirs = _SMTPLIB_S[:2] if misplaced else [name for name in _SMTPLIB_S if name in fields]
        if theirs:
            raise UnusableConnectionError(
                f"{', '.join(theirs)}: they are for the daemon's settings (OUTBOX_SMTP_HOST). Give a Session "
                "or a Connection; or, for a short transaction for each mail, an Engine or a database URL."
            )
        self._server = Server(transaction, outbox or Outbox(), fields)
        # Named, as smtplib would ask the name server.
        super().__init__(local_hostname="localhost")
        self._is_open = True
        self._verb = ""

    @property
    def last_id(self) -> UUID | None:
        """The id of the last mail that was enqueued."""
        return self._server.last_id

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
            self._server.reset()
        return _REPLIES.get(self._verb, (502, b"5.5.1 The outbox is no server"))

    def mail(self, sender: str, options: Sequence[str] = ()) -> Reply:
        """Begin a mail."""
        self._require_open()
        return self._server.mail(sender, options)

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Reply:
        """Add a recipient."""
        self._require_open()
        return self._server.rcpt(recip, options)

    def data(self, msg: Any) -> Reply:
        """Enqueue the mail. Raises SMTPDataError without a recipient, or when the database takes none."""
        self._require_open()
        return self._server.data(msg)

    def _require_open(self) -> None:
        if not self._is_open:
            raise SMTPServerDisconnected("please run connect() first")
