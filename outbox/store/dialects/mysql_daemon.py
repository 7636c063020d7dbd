"""What the daemon asks of MariaDB and MySQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, null, select, text, update

from outbox.mail.status import Status
from outbox.store.dialects.mysql import BY_ID
from outbox.store.dialects.plain_daemon import PlainDaemonDialect, edges_in, won_by
from outbox.store.moves import (
    CLAIMED,
    IN_LANE,
    NAME,
    OUTCOME_TYPES,
    RECORD_ONE,
    Claim,
    as_json,
    as_one,
    is_held,
    outcome,
)
from outbox.store.schema import delivery
from outbox.store.states import is_still
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

_d = delivery.c

# There is no UPDATE … RETURNING here, and `IN (SELECT … LIMIT n)` is refused (error 1235): lock, then write.
_LOCK_DUE = (
    select(*CLAIMED)
    # With a filesort it would lock all that is due, not the limit: other claimers would find nothing.
    .with_hint(delivery, "FORCE INDEX (outbox_delivery_due_by_status)")
    .where(IN_LANE)
    .order_by(_d.due_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
# A loose index scan, but only with the status in the grouping.
_EDGES = edges_in(
    """SELECT stream, lane, MIN(due_at) AS due_at, MIN(due_at) <= UTC_TIMESTAMP(6) AS is_due,
        UTC_TIMESTAMP(6) AS now
    FROM outbox_delivery FORCE INDEX (outbox_delivery_due_by_status)
    WHERE status = 'pending' GROUP BY status, stream, lane"""
)
_CLAIM = (
    update(delivery)
    .where(_d.id.in_(bindparam("ids", expanding=True)), is_still(Status.PENDING))
    .values(
        status=Status.SENDING.value,
        session=bindparam("holder", type_=Guid),
        fence=_d.fence + 1,
        wish=null(),
    )
)
_LOCK_HELD = (
    select(*NAME)
    .with_hint(delivery, BY_ID)
    .where(
        _d.id.in_(bindparam("ids", expanding=True)),
        _d.session == bindparam("holder", type_=Guid),
        is_still(Status.SENDING),
    )
    .order_by(_d.id)
    .with_for_update()
)

_v = (
    text(
        """SELECT * FROM JSON_TABLE(:outcomes, '$[*]' COLUMNS (
        id BIGINT PATH '$.id', message_id CHAR(32) PATH '$.message_id', fence INT PATH '$.fence',
        session CHAR(32) PATH '$.session',
        status VARCHAR(16) PATH '$.status', delay DOUBLE PATH '$.delay', judged INT PATH '$.judged',
        doubt INT PATH '$.doubt', told INT PATH '$.told', final INT PATH '$.final',
        relay VARCHAR(64) PATH '$.relay', reply_code SMALLINT PATH '$.reply_code',
        enhanced_code VARCHAR(16) PATH '$.enhanced_code', reply TEXT PATH '$.reply',
        queue_id VARCHAR(128) PATH '$.queue_id', reason VARCHAR(32) PATH '$.reason')) AS j"""
    )
    .columns(**OUTCOME_TYPES)
    .subquery("v")
)
_VERDICT = dict(_v.c.items())
_RECORD = update(delivery).where(is_held(_VERDICT)).ordered_values(*outcome(_VERDICT))


class MySQLDaemon(PlainDaemonDialect):
    """The statements of the daemon on MariaDB and MySQL."""

    edges_of_lines = _EDGES

    def claim(
        self, connection: Connection, session: UUID, lane: Mapping[str, Any], limit: int
    ) -> list[Claim]:
        """Claim at most `limit` due deliveries of a lane, given as the parameters of IN_LANE."""
        rows = connection.execute(_LOCK_DUE, {**lane, "limit": limit}).all()
        if not rows:
            return []
        connection.execute(_CLAIM, {"ids": [row.delivery_id for row in rows], "holder": session})
        return [replace(claim, fence=claim.fence + 1) for claim in map(Claim.from_row, rows)]

    def record(
        self, connection: Connection, rows: Sequence[dict[str, Any]], *, apart: bool
    ) -> set[tuple[int, UUID, int]]:
        """Apply outcome rows where their claim still holds; return the claims that changed.

        `apart` makes it slower, and touches no other row: with a small table the server would rather read all
        of it for the join, and wait for a lock that somebody has on any row.
        """
        ids = [row["id"] for row in rows]
        held = connection.execute(_LOCK_HELD, {"ids": ids, "holder": rows[0]["session"]})
        won = won_by(rows, held)
        if won and apart:
            connection.execute(RECORD_ONE, [as_one(row) for row in won.values()])
        elif won:
            connection.execute(_RECORD, {"outcomes": as_json(won.values())})
        return set(won)
