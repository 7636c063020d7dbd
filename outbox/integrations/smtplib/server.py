"""Answer MAIL, RCPT and DATA as a server would, which takes a mail by enqueueing it."""

from __future__ import annotations

from smtplib import SMTPDataError, quoteaddr
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from outbox.errors import DatabaseLockedError, InvalidEmailError, MessageTooLargeError
from outbox.integrations.engines import engine_of
from outbox.mail.address import parse_address
from outbox.mail.email import Email

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from outbox.handover import Fields
    from outbox.intake import Outbox
    from outbox.store.transaction import Target

Reply: TypeAlias = tuple[int, bytes]

_OPTIONS = frozenset({"SMTPUTF8", "BODY=8BITMIME", "BODY=7BIT"})
"""What the daemon finds out for itself, and so need not be told."""

_SOMEBODY = "somebody@example.org"
_SOMETHING = b"Subject: something\r\n\r\n"


class Server:
    """Hears one mail after the other, and enqueues each into `transaction`, with `fields` beside it.

    An Engine or a database URL in place of a transaction means a short one for each mail. Raises
    InvalidEmailError or TypeError for a field that no mail can have.
    """

    def __init__(self, transaction: Target | Engine | URL | str, outbox: Outbox, fields: Fields) -> None:
        # What is wrong with an option is known now, and is no fault of each mail.
        Email(**{"sender": _SOMEBODY, "to": _SOMEBODY, "mime": _SOMETHING, **fields})  # type: ignore[arg-type] # as was asked
        self.last_id: UUID | None = None
        is_ours = isinstance(transaction, Engine | URL | str)
        self._engine = engine_of(transaction) if is_ours else None  # type: ignore[arg-type] # as was asked
        self._transaction: Any = transaction
        self._outbox = outbox
        self._fields = fields
        self.reset()

    def reset(self) -> None:
        """Forget the mail that was begun."""
        self._sender = ""
        self._recipients: list[str] = []

    def mail(self, sender: str, options: Sequence[str]) -> Reply:
        """Begin a mail; answer 553 to an address that is none, 555 to an option that cannot be kept."""
        self.reset()
        for option in options:
            if option.upper() not in _OPTIONS:
                return _unsupported(option)
        reply, self._sender = _heard("sender", sender)
        return reply

    def rcpt(self, recipient: str, options: Sequence[str]) -> Reply:
        """Add a recipient; answer 553 to an address that is none, 555 to any option."""
        if not self._sender:
            return 503, b"5.5.1 Need MAIL first"
        for option in options:
            return _unsupported(option)
        reply, address = _heard("to", recipient)
        if address:
            self._recipients.append(address)
        return reply

    def data(self, message: Any) -> Reply:
        """Enqueue the mail; answer 552 to one that is too large, 554 to one that is none.

        Raises SMTPDataError where there is no recipient, as to a server that does not ask for the data, and
        where a transaction of ours fails.
        """
        if not self._recipients:
            raise SMTPDataError(503, b"5.5.1 Need RCPT first")
        if isinstance(message, str):
            lines = message.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            message = "\r\n".join(lines).encode("ascii")
        fields: Fields = {**self._fields, "sender": self._sender, "to": self._recipients, "mime": message}
        self.reset()
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
            return self._outbox.enqueue_apart(self._engine, [fields])[0]
        except (DBAPIError, DatabaseLockedError) as error:
            reason = f"4.3.0 The outbox's database did not take the mail ({getattr(error, 'orig', error)})"
            raise SMTPDataError(451, reason.encode()) from error


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
