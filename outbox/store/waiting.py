"""Read what `mail.waiting` wants to know of each delivery of a mail; nothing here reads what is finished."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, String, and_, bindparam, case, exists, func, literal, or_, select, type_coerce

from outbox.mail.status import Lane, Status
from outbox.mail.waiting import MOST_AHEAD, Asked, Known, Why, explain
from outbox.mail.way import Gate, Way
from outbox.store.batches import FEW, batches
from outbox.store.buckets import LATELY
from outbox.store.clock import finite, seconds_since, utc_after, utc_now
from outbox.store.dialects import dialect_of
from outbox.store.schema import GateKind, SessionState, attempt, delivery, gate, message, session
from outbox.store.states import IS_PENDING
from outbox.store.suppressions import suppressed_of_many
from outbox.store.types import Guid, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.mail.route import Routes

_d, _a, _g, _s, _m = delivery.c, attempt.c, gate.c, session.c, message.c

_OF_MESSAGE = _d.message_id == bindparam("of", type_=Guid)
_IS_DAEMON = and_(_s.state == SessionState.RUNNING.value, seconds_since(_s.beat_at) < _s.ttl)
_DUE_AT = finite(_d.due_at)
_DELIVERIES = (
    select(
        _d.id,
        _d.recipient,
        _d.stream,
        _d.status,
        _d.lane,
        _DUE_AT.label("due_at"),
        type_coerce(-seconds_since(_DUE_AT), Float).label("due_in"),
        case((and_(_d.expires_at.is_not(None), _d.expires_at <= utc_now()), 1), else_=0).label("is_late"),
        _d.attempts,
        _d.doubts,
        _d.reason,
        _d.relay,
        _d.reply_code,
        _d.enhanced_code,
        _d.reply,
        _s.host,
        _s.pid,
        exists().where(_m.id == _d.message_id, _m.erased_at.is_not(None)).label("is_erased"),
    )
    .outerjoin(session, _s.id == _d.session)
    .where(_OF_MESSAGE)
    .order_by(_d.n)
)
_IS_SHORT = _g.short_until > utc_after(literal(-LATELY.total_seconds()))
_GATES = select(
    _g.kind,
    _g.name,
    _g.fault,
    _g.paused_at,
    _g.paused_by,
    _g.paused_why,
    _g.open_until,
    _g.opened_at,
    case((_IS_SHORT, _g.short_of)).label("short_of"),
    _g.short_until,
).where(or_(_g.paused_at.is_not(None), _g.fault.is_not(None), _g.open_until.is_not(None), _IS_SHORT))
_DAEMONS = select(_s.id).where(_IS_DAEMON).limit(1)

_MAY_GO = frozenset({Status.PENDING, Status.FAILED, Status.IN_DOUBT})
"""What is tried by itself or by a retry, so that it matters whether its address is suppressed."""

MOST_COUNTS = 20
"""Places in the queue of which one call counts what is ahead."""

# By the ids that are known already, so that no database would rather read all attempts.
_NEWEST = func.max(case((_a.who.is_(None), _a.id))), func.max(case((_a.who.is_not(None), _a.id)))
_ATTEMPTS = select(_a.id, _a.delivery_id, _a.verdict, _a.who, _a.detail)


def _ahead_in(lane: Lane) -> Any:
    """Return the count of those in a lane that were due before the delivery's instant, with a bound."""
    some = (
        select(_d.due_at)
        .where(
            IS_PENDING,
            _d.stream == bindparam("its_stream", type_=String),
            _d.lane == literal(int(lane)),
            _d.due_at < bindparam("its_due", type_=UtcDateTime),
            _d.due_at <= utc_now(),
        )
        # In order, so that no database would rather read the whole table until it has enough.
        .order_by(_d.due_at)
        .limit(MOST_AHEAD + 1)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()


_AHEAD = {
    lane: select(sum((_ahead_in(other) for other in Lane if other < lane), _ahead_in(lane))) for lane in Lane
}


def reasons(
    connection: Connection, message: UUID, routed: Callable[[Collection[str]], Routes] | None = None
) -> list[Why]:
    """Return for each delivery of a message what it waits for, in the order of its recipients.

    `routed` gives the routes while these relays are down, where settings tell of any; it is called where
    something waits.
    """
    rows = connection.execute(_DELIVERIES, {"of": message}).all()
    waiting = [row for row in rows if row.status == Status.PENDING]
    gates = connection.execute(_GATES).all() if waiting else []
    down = [each.name for each in gates if each.kind == GateKind.RELAY and each.open_until]
    routes = routed(down) if routed and waiting else None
    has_daemon = bool(waiting) and connection.execute(_DAEMONS).first() is not None
    refused = suppressed_of_many(connection, [row.recipient for row in rows if row.status in _MAY_GO])
    happened, asked = _attempts(connection, [row.id for row in rows])
    ahead = partial(_ahead, connection, {})
    return [
        _why(
            row.id,
            message,
            row.recipient,
            Known(
                status=Status(row.status),
                lane=Lane(row.lane),
                due_at=row.due_at,
                due_in=row.due_in,
                attempts=row.attempts,
                reason=row.reason,
                relay=row.relay,
                said=_said(row, happened.get(row.id)),
                **_ways(gates, routes, row),
                suppressed=refused[row.recipient].why if row.recipient in refused else None,
                is_late=bool(row.is_late),
                asked=_asked(asked.get(row.id)),
                holder=(row.host, row.pid) if row.host else None,
                has_daemon=has_daemon,
                ahead=ahead(row),
                is_erased=bool(row.is_erased),
            ),
        )
        for row in rows
    ]


def _why(id_: int, message: UUID, recipient: str, known: Known) -> Why:
    explanation = explain(known)
    return Why(
        delivery_id=id_,
        message_id=message,
        recipient=recipient,
        status=known.status,
        waits_for=explanation.waits_for,
        until=explanation.until,
        ahead=None if known.ahead is None else min(known.ahead, MOST_AHEAD),
        ahead_is_more=known.ahead is not None and known.ahead > MOST_AHEAD,
        says=explanation.says,
        relay=known.way.relay if known.way and known.status is Status.PENDING else None,
    )


def _ahead(connection: Connection, counted: dict[tuple[int, datetime], int], row: Any) -> int | None:
    """Return how many are ahead of a delivery that is due, None behind the places that are counted.

    Most of its mail's others wait in one place.
    """
    if row.status != Status.PENDING or row.due_in > 0:
        return 0
    place = row.lane, row.due_at
    if place not in counted:
        if len(counted) == MOST_COUNTS:
            return None
        where = {"its_stream": row.stream, "its_due": row.due_at}
        counted[place] = connection.execute(_AHEAD[Lane(row.lane)], where).scalar_one()
    return counted[place]


def _attempts(connection: Connection, ids: Sequence[int]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return for each of these deliveries the last attempt, and the last thing that somebody asked."""
    among = dialect_of(connection.dialect.name).among
    newest = select(*_NEWEST).where(among(_a.delivery_id, "ids")).group_by(_a.delivery_id)
    happened: dict[int, Any] = {}
    asked: dict[int, Any] = {}
    for batch in batches(ids, FEW):
        last = [id_ for pair in connection.execute(newest, {"ids": list(batch)}) for id_ in pair if id_]
        for row in connection.execute(_ATTEMPTS.where(among(_a.id, "ids")), {"ids": last}) if last else ():
            (happened if row.who is None else asked)[row.delivery_id] = row
    return happened, asked


def _said(row: Any, happened: Any) -> str | None:
    """Return the relay's words as they stood on the wire, or what happened where it had none."""
    words = [str(part) for part in (row.reply_code, row.enhanced_code, row.reply) if part]
    return " ".join(words) or (happened.detail if happened else None)


def _asked(row: Any) -> Asked | None:
    return Asked(row.verdict, row.who, row.detail) if row else None


def _ways(gates: Sequence[Any], routes: Routes | None, row: Any) -> dict[str, Any]:
    """Return the gates before a delivery and, where settings tell it, its way.

    Where they do not, one that was tried has its relay's name; of the others each relay that lets nothing
    pass is told.
    """
    relays = {each.name: each for each in gates if each.kind == GateKind.RELAY}
    if routes is None:
        may_be = [each for each in relays.values() if row.relay in {None, each.name}]
        return {"gates": _before(gates, row.stream, may_be)}
    order = routes.ways(row.stream, row.relay if row.doubts else None)
    now = routes.first_up(order)
    passed = order[: order.index(now)] if now else ()
    # While all are down, the pause of one is no reason where another may be back first.
    tried = [now] if now else [relay for relay in order if not relays[relay].paused_at] or order
    return {
        "gates": _before(gates, row.stream, [relays.get(relay) for relay in tried]),
        "way": Way(now, tuple(_of_relay(relays[relay]) for relay in passed)),
    }


def _before(gates: Sequence[Any], stream: str, relays: Iterable[Any]) -> list[Gate]:
    """Return the gates before a delivery of this stream that may go by these relays, the widest first."""
    return [
        *(_gate("all mail", each) for each in gates if each.kind == GateKind.ALL),
        *(
            _gate(f"the stream {stream!r}", each)
            for each in gates
            if (each.kind, each.name) == (GateKind.STREAM, stream)
        ),
        *(_of_relay(each) for each in relays if each),
    ]


def _of_relay(row: Any) -> Gate:
    # What the log has as it stands names the relay, which stands in front here.
    fault = row.fault and row.fault.removeprefix(f"relay {row.name}: ")
    return replace(_gate(f"the relay {row.name!r}", row), fault=fault)


def _gate(what: str, row: Any) -> Gate:
    return Gate(
        what,
        row.paused_at,
        row.paused_by,
        row.paused_why,
        row.fault,
        row.open_until,
        row.short_of,
        row.short_until,
        row.opened_at,
    )
