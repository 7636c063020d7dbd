"""Fill the tables by the database itself: millions of deliveries in about a minute.

Their messages have no body, as a purge leaves them: a claim never looks at a message.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, insert, inspect, literal, literal_column, select, text

from bench.corpus import SENDER, recipient, subject
from outbox.mail.status import Lane, OnDoubt, Status
from outbox.mail.stream import DEFAULT
from outbox.store.clock import utc_after, utc_now
from outbox.store.schema import attempt, delivery, message, tag
from outbox.store.storage import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine, Table, TextClause

_TRANSACTION = 500_000
_SIZE = 2_200
_TABLES = ", ".join(table.name for table in (message, delivery, attempt, tag))

N: ColumnElement[int] = literal_column("n", BigInteger)
"""The number of a mail: each one that is added has the next, and its message the UUID of that."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A row of `table` for each mail of which `when` holds; values may be expressions of N."""

    table: Table
    values: Mapping[str, Any]
    when: ColumnElement[bool] | None = None

    def insert(self, connection: Connection, numbers: TextClause) -> None:
        """Insert the rows of the mails that `numbers` counts."""
        values = self.values.values()
        rows = select(*(value if isinstance(value, ColumnElement) else literal(value) for value in values))
        if self.when is not None:
            rows = rows.where(self.when)
        connection.execute(insert(self.table).from_select(list(self.values), rows.select_from(numbers)))


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a database counts: a table `s` of `n` from first to last; `id` makes 32 digits of `n`, a UUID."""

    table: str
    id: str
    tidy: str | None = None
    """What its own housekeeping would do soon after: the measurement shall not run into it."""


_NUMBERS = {
    "postgresql": Numbers(
        "generate_series(CAST({first} AS bigint), {last}) AS s(n)",
        "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
        f"VACUUM (ANALYZE) {_TABLES}",
    ),
    "mariadb": Numbers(
        "(SELECT CAST(seq AS SIGNED) AS n FROM seq_{first}_to_{last}) AS s",
        "lower(lpad(hex(n), 32, '0'))",
        f"ANALYZE TABLE {_TABLES}",
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
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Filler:
    """Fills the outbox of one engine."""

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._numbers = _NUMBERS[kind]
        self._next = 1

    @property
    def id(self) -> ColumnElement[Any]:
        """The id of the message of mail N."""
        return literal_column(self._numbers.id)

    def sent(self, mails: int) -> None:
        """Add mails that were sent, one every 10 ms until now."""
        self.add(mails, _SENT, f"0.01 * (n - {self._next + mails})")

    def deferred(self, mails: int) -> None:
        """Add mails that the relay has put off: one is due every 36 ms from 10 minutes on."""
        self.add(mails, _DEFERRED, f"600 + 0.036 * (n - {self._next})")

    def waiting(self, mails: int) -> None:
        """Add mails that are due: one for every millisecond until now."""
        self.add(mails, {}, f"0.001 * (n - {self._next + mails})")

    @contextmanager
    def unindexed(self) -> Iterator[None]:
        """Do without the indexes of deliveries: millions of rows are faster sorted than inserted."""
        with self._engine.begin() as connection:
            present = {index["name"] for index in inspect(connection).get_indexes(delivery.name)}
            its = metadata.tables[delivery.name].indexes
            indexes = [index for index in its if index.name in present]
            for index in indexes:
                index.drop(connection)
        yield
        for index in indexes:
            with self._engine.begin() as connection:
                index.create(connection)

    def tidy(self) -> None:
        """Do what the server's own housekeeping would do soon."""
        if self._numbers.tidy is not None:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(self._numbers.tidy))

    def add(
        self,
        mails: int,
        values: Mapping[str, Any],
        due_in: str,
        *,
        heads: Mapping[str, Any] = _NOTHING,
        more: Sequence[Rows] = (),
    ) -> None:
        """Add mails whose deliveries have these values, due in so many seconds, an expression of `n`.

        `heads` are values of their messages; `more` are rows of other tables.
        """
        due = {"due_at": utc_after(literal_column(f"({due_in})"))}
        parts = (
            Rows(message, {"id": self.id, **_MESSAGE, **heads}),
            Rows(delivery, {"message_id": self.id, **_DELIVERY, **due, **values}),
            *more,
        )
        end = self._next + mails
        while self._next < end:
            last = min(self._next + _TRANSACTION, end) - 1
            numbers = text(self._numbers.table.format(first=self._next, last=last))
            with self._engine.begin() as connection:
                for part in parts:
                    part.insert(connection, numbers)
            self._next = last + 1
