"""What stands now, all at once: the queue, the gates, the daemons, and what failed last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    literal_column,
    or_,
    select,
    type_coerce,
)

from outbox.store.clock import finite, seconds_since, utc_now
from outbox.store.schema import GateKind, SessionState, delivery, gate, message, session
from outbox.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

LAST_FAILED = 5
"""How many of what failed last are told."""

_d, _g, _m, _s = delivery.c, gate.c, message.c, session.c

# The views stand apart from the schema's metadata, from which tables are created.
_views = MetaData()
_queue = Table(
    "outbox_queue",
    _views,
    Column("stream", String),
    Column("status", String),
    Column("deliveries", Integer),
    Column("oldest_due_age", Float),
)
_wait = Table(
    "outbox_wait",
    _views,
    Column("kind", String),
    Column("name", String),
    Column("reason", String),
    Column("since", UtcDateTime),
    Column("until", UtcDateTime),
)
_QUEUE = select(_queue).order_by(_queue.c.stream, _queue.c.status)
_WAITS = select(_wait).order_by(_wait.c.kind, _wait.c.name, _wait.c.since)
_GATES = (
    select(_g.kind, _g.name, _g.fault, _g.paused_by, _g.paused_why, _g.pace, _g.quota_used, _g.quota_day)
    .where(or_(_g.kind == GateKind.RELAY.value, _g.paused_at.is_not(None), _g.quota_day.is_not(None)))
    .order_by(_g.kind, _g.name)
)
_SESSIONS = (
    select(
        _s.id,
        _s.host,
        _s.pid,
        _s.version,
        _s.state,
        _s.sent,
        _s.failed,
        _s.deferred,
        _s.ttl,
        _s.beat_at,
        type_coerce(seconds_since(_s.started_at), Float).label("runs"),
        type_coerce(seconds_since(_s.beat_at), Float).label("silent"),
    )
    .where(_s.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]))
    .order_by(_s.host, _s.pid)
)
_NEWEST = (
    select(_d.id, _d.finished_at)
    .where(_d.status == literal_column("'failed'"), _d.finished_at.is_not(None))
    .order_by(_d.finished_at.desc())
    .limit(LAST_FAILED)
    .subquery("newest")
)
_FAILED = (
    select(
        finite(_d.finished_at).label("finished_at"),
        _d.recipient,
        _d.reason,
        _d.reply_code,
        _d.enhanced_code,
        _d.reply,
        _m.subject,
        _d.message_id,
    )
    .join(_NEWEST, _NEWEST.c.id == _d.id)
    .join(message, _m.id == _d.message_id)
    .order_by(_NEWEST.c.finished_at.desc())
)
_NOW = select(utc_now())


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows by their columns' names; `at` is the database's instant."""

    at: datetime
    queue: Sequence[Any]
    waits: Sequence[Any]
    gates: Sequence[Any]
    sessions: Sequence[Any]
    failed: Sequence[Any]


def overview(connection: Connection) -> Overview:
    """Read all of it; what is finished is not counted, so it costs what is unfinished."""
    at = connection.execute(_NOW).scalar_one()
    rows = (connection.execute(each).all() for each in (_QUEUE, _WAITS, _GATES, _SESSIONS, _FAILED))
    return Overview(at, *rows)
