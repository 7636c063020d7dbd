"""How much is unfinished, and for how long it has been due: the view `outbox_queue`, never history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import column, select, table

from outbox.mail.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnClause, Connection, Select

_COLUMNS: list[ColumnClause[Any]] = [
    column(name) for name in ("stream", "status", "deliveries", "oldest_due_age")
]
_QUEUE: Select[Any] = select(*_COLUMNS).select_from(table("outbox_queue"))


@dataclass(frozen=True, slots=True)
class Depth:
    """The unfinished deliveries of one stream in one status, and for how many seconds the oldest was due."""

    stream: str
    status: Status
    deliveries: int
    oldest_due_age: float


def depths(connection: Connection) -> list[Depth]:
    """Return how much there is of each stream and status."""
    return [
        Depth(row.stream, Status(row.status), int(row.deliveries), float(row.oldest_due_age))
        for row in connection.execute(_QUEUE)
    ]


def words(depths: Sequence[Depth]) -> str:
    """Return how much there is of each status, as one phrase in their order."""
    counts = Counter[Status]()
    for each in depths:
        counts[each.status] += each.deliveries
    counted = [f"{counts[status]:,} {status}" for status in Status if counts[status]]
    if not counted:
        return "queue empty"
    overdue = max((each.oldest_due_age for each in depths if each.status is Status.PENDING), default=0.0)
    late = f" (the first due for {overdue:,.0f} s)" if overdue >= 1 else ""
    return f"queue: {', '.join(counted)}{late}"
