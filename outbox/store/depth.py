"""How much is unfinished, for a glance: counted by the view `outbox_queue`, which never reads history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, func, select

from outbox.mail.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

# A view stands apart from the schema's metadata, from which tables are created.
_queue = Table(
    "outbox_queue",
    MetaData(),
    Column("status", String),
    Column("deliveries", Integer),
    Column("oldest_due_age", Float),
)
_DEPTH = select(_queue.c.status, func.sum(_queue.c.deliveries), func.max(_queue.c.oldest_due_age)).group_by(
    _queue.c.status
)


@dataclass(frozen=True, slots=True)
class Depth:
    """The deliveries by status, and how many seconds the first of those that wait is overdue."""

    counts: Mapping[Status, int]
    overdue: float

    def words(self) -> str:
        """Return it as one phrase, in the order of the statuses."""
        counted = [f"{self.counts[status]:,} {status}" for status in Status if self.counts.get(status)]
        if not counted:
            return "queue empty"
        late = f" (the first due for {self.overdue:,.0f} s)" if self.overdue >= 1 else ""
        return f"queue: {', '.join(counted)}{late}"


def depth(connection: Connection) -> Depth:
    """Return how much is unfinished; it takes the longer the more there is."""
    found = {Status(status): (int(count), float(age)) for status, count, age in connection.execute(_DEPTH)}
    return Depth(
        {status: count for status, (count, _) in found.items()}, found.get(Status.PENDING, (0, 0.0))[1]
    )
