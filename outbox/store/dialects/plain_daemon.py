"""What the daemon asks that needs no special care on most databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Boolean, bindparam, func, insert, select, text

from outbox.mail.status import Lane, Status
from outbox.store.clock import after, utc_now
from outbox.store.lanes import Edge, Line
from outbox.store.schema import attempt, delivery
from outbox.store.states import is_still
from outbox.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, CursorResult, Executable, TextualSelect

_d = delivery.c
_NOTE = insert(attempt)
_NOW = select(utc_now())
_SENT_LATELY = (
    select(_d.recipient, func.count().label("mails"))
    .where(
        _d.recipient.in_(bindparam("recipients", expanding=True, type_=_d.recipient.type)),
        _d.finished_at > after("since"),
        is_still(Status.SENT),
        _d.id.not_in(bindparam("held", expanding=True, type_=_d.id.type)),
    )
    .group_by(_d.recipient)
)


def edges_in(statement: str) -> TextualSelect:
    """Return a statement that gives the columns of an edge, in any order."""
    return text(statement.replace(":", r"\:")).columns(
        stream=delivery.c.stream.type,
        lane=delivery.c.lane.type,
        due_at=UtcDateTime,
        is_due=Boolean,
        now=UtcDateTime,
    )


def won_by(
    rows: Sequence[dict[str, Any]], held: CursorResult[Any, Any, Any]
) -> dict[tuple[int, UUID, int], dict[str, Any]]:
    """Return the outcome rows whose claims are among those that a read of NAME has found held, and locked."""
    by_name = {(row["id"], row["message_id"], row["fence"]): row for row in rows}
    return {name: by_name[name] for id_, mail, fence in held if (name := (id_, mail, fence)) in by_name}


class PlainDaemonDialect:
    """The answers of a database without a trap in that place; the others override them and say why."""

    edges_of_lines: ClassVar[TextualSelect]
    """Finds the oldest pending delivery of every line, at a cost that does not grow with their number."""

    lending: ClassVar[str | None] = None
    """Lends what is wanted of gates that have it, in one statement for the driver; None: two are needed."""

    sent_lately: ClassVar[Executable] = _SENT_LATELY
    """Counts what each of `recipients` has got `since`, seconds below zero, but for what is `held`."""

    def edges(self, connection: Connection) -> tuple[list[Edge], datetime]:
        """Return what stands at the left edge of each line, and the database's instant of this look."""
        rows = connection.execute(self.edges_of_lines).all()
        now = rows[0].now if rows else connection.execute(_NOW).scalar_one()
        return [Edge(Line(row.stream, Lane(row.lane)), row.due_at, bool(row.is_due)) for row in rows], now

    def note(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write attempt rows."""
        connection.execute(_NOTE, rows)
