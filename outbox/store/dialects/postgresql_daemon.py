"""What the daemon asks of PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, String, bindparam, null, select, text, update

from outbox.mail.status import Status
from outbox.store.dialects.plain_daemon import PlainDaemonDialect, edges_in
from outbox.store.dialects.postgresql import one_of
from outbox.store.moves import CLAIMED, IN_LANE, NAME, OUTCOME_TYPES, Claim, as_json, outcome
from outbox.store.schema import delivery
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

_d = delivery.c

# The CTE is what bounds the claim: a bare `IN (SELECT … LIMIT n)` may be run again by a nested loop and
# take more than n. FOR UPDATE already keeps it from being inlined; MATERIALIZED says so to the reader.
_due = (
    select(_d.id, _d.fence)
    .where(IN_LANE)
    .order_by(_d.due_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("due")
    .prefix_with("MATERIALIZED")
)
_CLAIM = (
    update(delivery)
    # The lock proved the status, and the fence that no claim came between snapshot and lock. Naming the
    # status again would let stale statistics use the partial index here: all pending rows for each claimed.
    .where(_d.id == _due.c.id, _d.fence == _due.c.fence)
    .values(
        status=Status.SENDING.value,
        session=bindparam("holder", type_=Guid),
        fence=_d.fence + 1,
        wish=null(),
    )
    .returning(*CLAIMED)
)

# From line to line by the index, one step for each: DISTINCT would read all that waits.
_EDGES = edges_in(
    """WITH RECURSIVE edge AS (
        (SELECT stream, lane, due_at FROM outbox_delivery WHERE status = 'pending'
        ORDER BY stream, lane, due_at LIMIT 1)
        UNION ALL
        SELECT next.stream, next.lane, next.due_at FROM edge, LATERAL (
            SELECT d.stream, d.lane, d.due_at FROM outbox_delivery d
            WHERE d.status = 'pending' AND (d.stream, d.lane) > (edge.stream, edge.lane)
            ORDER BY d.stream, d.lane, d.due_at LIMIT 1) AS next)
    SELECT stream, lane, due_at, due_at <= now() AS is_due, now() AS now FROM edge"""
)

# One JSON text, read on the server, as on MariaDB: one parameter instead of an array for each column.
# Session and fence travel with the rows: with a constant instead, stale statistics make it quadratic.
_v = (
    text(
        """SELECT * FROM json_to_recordset(CAST(:outcomes AS json)) AS j(
        id bigint, message_id uuid, fence int, session uuid, status text, delay double precision, judged int,
        doubt int, told int, final int, relay text, reply_code smallint, enhanced_code text,
        reply text, queue_id text, reason text, source text)"""
    )
    .columns(**OUTCOME_TYPES, source=String)
    .subquery("v")
)
_VERDICT = dict(_v.c.items())
_RECORD = (
    update(delivery)
    .where(
        # Only the primary key may find the rows. A literal status would offer the index of held ones, which
        # keeps a dead entry for each mail sent since the last vacuum: 7 ms where this takes 1.6.
        _d.id == one_of("ids", _d.id.type),
        _d.id == _v.c.id,
        _d.message_id == _v.c.message_id,
        _d.fence == _v.c.fence,
        _d.session == _v.c.session,
        _d.status == _v.c.source,
    )
    .ordered_values(*outcome(_VERDICT))
    .returning(*NAME)
)

# As one JSON text, too: psycopg's executemany takes six times as long for 200 rows. It is a pipeline besides,
# which ends with a Flush, behind which the server does not count how long a transaction is idle.
_NOTE = text(
    """INSERT INTO outbox_attempt (delivery_id, fence, session, relay, stage, reply_code, enhanced_code,
        reply, detail, verdict, late, bytes_written, waited)
    SELECT * FROM json_to_recordset(CAST(:notes AS json)) AS j(
        delivery_id bigint, fence int, session uuid, relay text, stage text, reply_code smallint,
        enhanced_code text, reply text, detail text, verdict text, late boolean, bytes_written bigint,
        waited double precision)"""
)

# What `mail.rate.grant` says of a gate that has all that is wanted, for that is nearly every time: in one
# round trip without a BEGIN. Any other gate is left alone: one that nobody has used, that has too little,
# whose relay said "slow down", that has another day, or is ahead of our instant. None has a quota.
_LEND = """WITH wanted AS (
        SELECT *, now() AS now FROM json_to_recordset(CAST(%(wanted)s AS json)) AS j(
        kind text, name text, rate double precision, burst double precision,
        back double precision, unused bigint, day date, count bigint)),
    had AS MATERIALIZED (
        SELECT w.*, GREATEST(0, g.quota_used - w.unused) AS used, LEAST(w.burst, w.back +
        g.tokens + CAST(EXTRACT(EPOCH FROM w.now - g.tokens_at) AS double precision) * w.rate) AS tokens
        FROM wanted w JOIN outbox_gate g ON g.kind = w.kind AND g.name = w.name
        WHERE g.tokens_at <= w.now AND g.quota_day = w.day AND w.day = CAST(w.now AT TIME ZONE 'UTC' AS date)
        AND (g.pace IS NULL OR g.paced_at <= w.now - interval '24 hours')
        ORDER BY g.kind, g.name FOR UPDATE OF g)
    UPDATE outbox_gate g SET tokens = had.tokens - had.count, tokens_at = had.now,
    quota_used = had.used + had.count, short_of = NULL, short_since = NULL, short_until = NULL
    FROM had WHERE g.kind = had.kind AND g.name = had.name AND had.tokens >= had.count
    RETURNING g.kind, g.name, g.tokens, g.quota_used"""

# Address by address, and only by the index that leads with it: a plain `finished_at > …` says that this is
# not null, and offers the index of all that has ended. Where statistics are from before anything had, that
# seems to be empty, and each claim would walk over all that was sent in the last hour.
_SENT_LATELY = text(
    """SELECT his.recipient, sent.mails FROM unnest(CAST(:recipients AS text[])) AS his(recipient), LATERAL (
        SELECT count(*) AS mails FROM outbox_delivery d WHERE d.recipient = his.recipient
        AND (d.recipient, d.finished_at) > (his.recipient, now() + :since * interval '1 second')
        AND d.status || '' = 'sent' AND NOT d.id = ANY(CAST(:held AS bigint[]))) AS sent
    WHERE sent.mails > 0"""
)


class PostgreSQLDaemon(PlainDaemonDialect):
    """The statements of the daemon on PostgreSQL."""

    edges_of_lines = _EDGES
    lending = _LEND
    sent_lately = _SENT_LATELY

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
        """Apply outcome rows where their claim still holds; return the claims that changed."""
        parameters = {"outcomes": as_json(rows), "ids": [row["id"] for row in rows]}
        changed = connection.execute(_RECORD, parameters)
        return {(id_, message_id, fence) for id_, message_id, fence in changed}

    def note(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write attempt rows."""
        notes = json.dumps([{**row, "session": row["session"].hex} for row in rows])
        connection.execute(_NOTE, {"notes": notes})
