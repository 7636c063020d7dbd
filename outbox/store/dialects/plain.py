"""What needs no special care on most databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sqlalchemy import Boolean, bindparam, insert, select, text

from outbox.mail.status import Lane
from outbox.store.clock import utc_now
from outbox.store.grants import rights
from outbox.store.lanes import Edge, Line
from outbox.store.schema import attempt, delivery
from outbox.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import (
        Column,
        ColumnElement,
        Connection,
        CursorResult,
        Engine,
        Select,
        TextClause,
        TextualSelect,
        Update,
    )

    from outbox.store.driver_statement import DriverStatement
    from outbox.store.grants import Action, Role

POOL: dict[str, Any] = {
    "pool_size": 4,
    "max_overflow": 5,
    "pool_timeout": 5,
    # `Database` ends each transaction itself: another ROLLBACK would be a round trip for nothing.
    "pool_reset_on_return": None,
}
"""At most nine connections a daemon, one for each thread that speaks to the database at the same time.

These are the heartbeat, the six duties and the two of `worker/threads.py`: none ever waits for another's.
Four of them stay, since the duties are seldom at work together.
"""

_NOTE = insert(attempt)
_NOW = select(utc_now())


def edges_in(statement: str) -> TextualSelect:
    """Return a statement that gives the columns of an edge, in any order."""
    return text(statement.replace(":", r"\:")).columns(
        stream=delivery.c.stream.type,
        lane=delivery.c.lane.type,
        due_at=UtcDateTime,
        is_due=Boolean,
        now=UtcDateTime,
    )


class Inserts(NamedTuple):
    """The statements that insert messages without a key, with their deliveries: one, or many.

    Those of one are found by whether it has one recipient, and whether it has tags.
    """

    one: Mapping[tuple[bool, bool], DriverStatement]
    many: DriverStatement


def won_by(
    rows: Sequence[dict[str, Any]], held: CursorResult[Any, Any, Any]
) -> dict[tuple[int, UUID, int], dict[str, Any]]:
    """Return the outcome rows whose claims are among those that a read of NAME has found held, and locked."""
    by_name = {(row["id"], row["message_id"], row["fence"]): row for row in rows}
    return {name: by_name[name] for id_, mail, fence in held if (name := (id_, mail, fence)) in by_name}


class PlainDialect:
    """The answers of a database without a trap in that place; the others override them and say why."""

    inserts: ClassVar[Inserts | None] = None
    """Where a database can do it at once."""

    timeline: ClassVar[TextClause | None] = None
    """Reads which of the servers that follow each other this is, as a number; NULL: it cannot tell now."""

    def prepare(self, engine: Engine, silence: float | None) -> None:
        """Prepare the daemon's writing engine: its options say it all."""

    def has_begun(self, driver: Any) -> bool:
        """Tell whether a driver that would commit each statement is inside a transaction all the same."""
        return bool(getattr(driver, "in_transaction", False))

    def cancel(self, driver: Any) -> None:
        """Ask the database to give up what this connection waits for: here nobody can be asked."""

    def descriptor(self, driver: Any) -> int | None:  # noqa: ARG002 - some have one
        """Return the file descriptor of the driver's socket, None where it has none."""
        return None

    edges_of_lines: ClassVar[TextualSelect]
    """Finds the oldest pending delivery of every line, at a cost that does not grow with their number."""

    def edges(self, connection: Connection) -> tuple[list[Edge], datetime]:
        """Return what stands at the left edge of each line, and the database's instant of this look."""
        rows = connection.execute(self.edges_of_lines).all()
        now = rows[0].now if rows else connection.execute(_NOW).scalar_one()
        return [Edge(Line(row.stream, Lane(row.lane)), row.due_at, bool(row.is_due)) for row in rows], now

    def note(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write attempt rows."""
        connection.execute(_NOTE, rows)

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list, the parameter `name`."""
        return column.in_(bindparam(name, expanding=True, type_=column.type))

    def locked(self, statement: Select[Any]) -> Select[Any]:
        """Return the read of deliveries, named by their ids, that also locks them, in the order of those."""
        return statement.order_by(delivery.c.id).with_for_update()

    def by_id(self, statement: Update) -> Update:
        """Return the update of deliveries that are named by their ids, so that it touches no others."""
        return statement

    def by_end(self, statement: Select[Any]) -> Select[Any]:
        """Return the read of deliveries of one status in the order in which they ended."""
        return statement

    def read_back(self, statement: Select[Any]) -> Select[Any]:
        """Return the read that follows `insert_or_nothing`: a plain one sees what made it do nothing."""
        return statement

    def largest_message(self, connection: Connection) -> int | None:  # noqa: ARG002 - some ask the server
        """Return None: a row holds 1 GB, far above any limit of ours."""
        return None

    def carried(self, mime: bytes) -> int:
        """Return the bytes of a message on its way to the database: they travel as they are."""
        return len(mime)

    def undoes_statements_alone(self) -> bool:
        """Tell whether the transaction goes on after a failed INSERT: here it ends."""
        return False

    def begin_for_savepoint(self, connection: Connection) -> None:
        """Do nothing: the driver has begun the transaction."""

    def rights(self, role: Role) -> dict[str, dict[Action, tuple[str, ...]]]:
        """Return what a role needs, by table and action; nothing where there are no roles."""
        return rights(role, key=None)
