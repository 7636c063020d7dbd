"""Fill the tables by the database itself: millions of deliveries in about a minute.

Their messages have no body, as a purge leaves them: a claim never looks at a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, insert, literal, literal_column, select, text

from bench.corpus import SENDER, recipient, subject
from outbox.mail.status import Lane, OnDoubt, Status
from outbox.mail.stream import DEFAULT
from outbox.store.clock import utc_after, utc_now
from outbox.store.schema import delivery, message

if TYPE_CHECKING:
    from sqlalchemy import Engine

_TRANSACTION = 500_000
_SIZE = 2_200


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a database counts: a table `s` of `n` from first to last; `id` makes 32 digits of `n`, a UUID."""

    table: str
    id: str
    tidy: str | None = None
    """What its own housekeeping would do soon after: the measurement shall not run into it."""


_NUMBERS = {
    "postgresql": Numbers(
        "generate_series({first}, {last}) AS s(n)",
        "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
        "VACUUM (ANALYZE) outbox_delivery",
    ),
    "mariadb": Numbers(
        "(SELECT CAST(seq AS SIGNED) AS n FROM seq_{first}_to_{last}) AS s",
        "lower(lpad(hex(n), 32, '0'))",
        "ANALYZE TABLE outbox_delivery",
    ),
    "sqlite": Numbers(
        "(WITH RECURSIVE s(n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "
        "SELECT n FROM s) AS s",
        "printf('%032x', n)",
    ),
}
_MESSAGE = {
    "stream": DEFAULT,
    "sender": SENDER,
    "subject": subject(0),
    "message_id": f"<{'0' * 32}@example.org>",
    "size": _SIZE,
    "payload_hash": "0" * 64,
    "on_doubt": OnDoubt.RESEND.value,
}
_DELIVERY = {"n": 0, "recipient": recipient(0), "stream": DEFAULT, "size": _SIZE}
_ANSWERED = {
    "attempts": 1,
    "fence": 1,
    "relay": "relay",
    "reply_code": 250,
    "reply": "2.0.0 Ok: queued as 4ABCDE",
}
_SENT = {**_ANSWERED, "status": Status.SENT.value, "finished_at": utc_now(), "judged_at": utc_now()}
_LATER = {"reply_code": 450, "reply": "4.2.0 later", "lane": int(Lane.RETRY)}
_DEFERRED = {**_ANSWERED, **_LATER, "judged_at": utc_now()}


class Filler:
    """Fills the outbox of one engine."""

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._numbers = _NUMBERS[kind]
        self._next = 1

    def sent(self, mails: int) -> None:
        """Add mails that were sent, one every 10 ms until now."""
        self.add(mails, _SENT, f"0.01 * (n - {self._next + mails})")

    def deferred(self, mails: int) -> None:
        """Add mails that the relay has put off: one is due every 36 ms from 10 minutes on."""
        self.add(mails, _DEFERRED, f"600 + 0.036 * (n - {self._next})")

    def waiting(self, mails: int) -> None:
        """Add mails that are due: one for every millisecond until now."""
        self.add(mails, {}, f"0.001 * (n - {self._next + mails})")

    def tidy(self) -> None:
        """Do what the server's own housekeeping would do soon."""
        if self._numbers.tidy is not None:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(self._numbers.tidy))

    def add(self, mails: int, values: dict[str, Any], due_in: str) -> None:
        """Add mails whose deliveries have these values, due in so many seconds, an expression of `n`."""
        due = {"due_at": utc_after(literal_column(f"({due_in})"))}
        end = self._next + mails
        while self._next < end:
            last = min(self._next + _TRANSACTION, end) - 1
            numbers = text(self._numbers.table.format(first=self._next, last=last))
            id_: ColumnElement[Any] = literal_column(self._numbers.id)
            with self._engine.begin() as connection:
                for table, row in (
                    (message, {"id": id_, **_MESSAGE}),
                    (delivery, {"message_id": id_, **_DELIVERY, **values, **due}),
                ):
                    expressions = [
                        value if isinstance(value, ColumnElement) else literal(value)
                        for value in row.values()
                    ]
                    rows = select(*expressions).select_from(numbers)
                    connection.execute(insert(table).from_select(list(row), rows))
            self._next = last + 1
