"""What the daemon asks of SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, null, select, update

from outbox.mail.status import Status
from outbox.store.dialects.plain_daemon import PlainDaemonDialect, edges_in, won_by
from outbox.store.moves import CLAIMED, IN_LANE, NAME, RECORD_ONE, Claim, as_one
from outbox.store.schema import delivery
from outbox.store.states import IS_PENDING, IS_SENDING
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

_d = delivery.c

_due = select(_d.id).where(IN_LANE).order_by(_d.due_at).limit(bindparam("limit", type_=Integer))
_CLAIM = (
    update(delivery)
    .where(_d.id.in_(_due), IS_PENDING)
    .values(
        status=Status.SENDING.value,
        session=bindparam("holder", type_=Guid),
        fence=_d.fence + 1,
        wish=null(),
    )
    .returning(*CLAIMED)
)
_HELD = select(*NAME).where(
    _d.id.in_(bindparam("ids", expanding=True)), _d.session == bindparam("holder", type_=Guid), IS_SENDING
)

# From line to line by the index, one step for each: GROUP BY would read all that waits.
_EDGES = edges_in(
    """WITH RECURSIVE edge(id) AS (
        SELECT (SELECT id FROM outbox_delivery WHERE status = 'pending' AND stream >= ''
            ORDER BY stream, lane, due_at LIMIT 1)
        UNION ALL
        SELECT (SELECT n.id FROM outbox_delivery n
            WHERE n.status = 'pending' AND (n.stream, n.lane) > (d.stream, d.lane)
            ORDER BY n.stream, n.lane, n.due_at LIMIT 1)
        FROM edge JOIN outbox_delivery d ON d.id = edge.id)
    SELECT d.stream, d.lane, d.due_at, d.due_at <= strftime('%Y-%m-%d %H:%M:%f000', 'now') AS is_due,
        strftime('%Y-%m-%d %H:%M:%f000', 'now') AS now
    FROM edge JOIN outbox_delivery d ON d.id = edge.id"""
)


class SQLiteDaemon(PlainDaemonDialect):
    """The statements of the daemon on SQLite."""

    edges_of_lines = _EDGES

    def claim(
        self, connection: Connection, session: UUID, lane: Mapping[str, Any], limit: int
    ) -> list[Claim]:
        """Claim at most `limit` due deliveries of a lane, given as the parameters of IN_LANE."""
        parameters = {**lane, "holder": session, "limit": limit}
        return [Claim.from_row(row) for row in connection.execute(_CLAIM, parameters)]

    def record(
        self,
        connection: Connection,
        rows: Sequence[dict[str, Any]],
        *,
        apart: bool,  # noqa: ARG002 - for others
    ) -> set[tuple[int, UUID, int]]:
        """Apply outcome rows where their claim still holds; return the claims that changed.

        The write lock is ours, so what the read finds held is what the update changes.
        """
        ids = [row["id"] for row in rows]
        held = connection.execute(_HELD, {"ids": ids, "holder": rows[0]["session"]})
        won = won_by(rows, held)
        if won:
            connection.execute(RECORD_ONE, [as_one(row) for row in won.values()])
        return set(won)
