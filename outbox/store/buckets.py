"""The buckets of the gates that have a limit: what daemons borrow, what a day has used, how fast a relay is.

The limited gates of a daemon are asked in one transaction: a read that locks them in their order, a write.
How much is lent is decided by `mail.rate`; instants are the database's own and go back to it. Gates that had
all that was wanted the last time are asked by one statement before, if the database has one for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Float, and_, bindparam, func, or_, select, type_coerce, update

from outbox.mail.rate import Bucket, Demand, Grant, Limit, grant, grown, slowed
from outbox.store.clock import seconds_since, utc_now
from outbox.store.dialects import daemon_dialect_of
from outbox.store.schema import GateKind, SessionState, gate, session

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from outbox.store.database import Database

_g, _s = gate.c, session.c

LATELY = timedelta(seconds=2)
"""A gate that was short of something so long ago, and is again, has been all the time."""

_WAITED = timedelta(seconds=10)
"""Who waits for a lock reads an instant that is older than the row's; by more, the clock was set back."""

_LENDING = (
    _g.tokens,
    _g.tokens_at,
    _g.quota_used,
    _g.quota_day,
    _g.short_of,
    _g.short_since,
    _g.short_until,
)
"""What a gate knows of what it has lent, and each loan writes anew."""

_READ = select(
    _g.kind,
    _g.name,
    *_LENDING,
    _g.pace,
    type_coerce(seconds_since(_g.paced_at), Float).label("paced_ago"),
    utc_now().label("now"),
)
_SET = (
    update(gate)
    .where(
        _g.kind == bindparam("its_kind", type_=_g.kind.type),
        _g.name == bindparam("its_name", type_=_g.name.type),
    )
    .values({column: bindparam(f"new_{column.name}", type_=column.type) for column in _LENDING})
)
_IS_RELAY = and_(_g.kind == GateKind.RELAY.value, _g.name == bindparam("relay", type_=_g.name.type))
_DAEMONS = select(func.count()).where(
    _s.state == SessionState.RUNNING.value, seconds_since(_s.beat_at) < _s.ttl
)
_PACED = (
    select(
        _g.pace,
        type_coerce(seconds_since(_g.paced_at), Float).label("ago"),
        _DAEMONS.scalar_subquery().label("daemons"),
    )
    .where(_IS_RELAY)
    .with_for_update(of=gate)
)
_SLOW = update(gate).where(_IS_RELAY).values(pace=bindparam("new_pace", type_=Float), paced_at=utc_now())


class Gate(NamedTuple):
    """The name of a gate."""

    kind: GateKind
    name: str


_Wanted = Mapping[Gate, tuple[Limit, Demand]]


class Buckets:
    """The buckets of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._enter = database.dialect.insert_or_nothing(gate, _g.kind, _g.name)
        self._lending = daemon_dialect_of(database.engine.dialect.name).lending
        # The gates that had all that was wanted the last time, and so are likely to have it again.
        self._ample: set[Gate] = set()

    def borrow(self, wanted: _Wanted) -> dict[Gate, Grant]:
        """Lend of each gate, by its limit, what is there of what is wanted of it."""
        # Of a quota a loan whose answer is lost with that of another gate would be lost to the day.
        ample = {
            name: (limit, demand)
            for name, (limit, demand) in wanted.items()
            if name in self._ample and limit.rate is not None and limit.quota is None
        }
        grants = self._lend(ample) if ample else {}
        if grants is None:
            # Perhaps it is lent, and what is given back is there already.
            again = {name: (limit, replace(demand, back=0.0)) for name, (limit, demand) in ample.items()}
            return self._share({**wanted, **again})
        others = {name: each for name, each in wanted.items() if name not in grants}
        return grants | self._share(others) if others else grants

    def _lend(self, wanted: _Wanted) -> dict[Gate, Grant] | None:
        """Lend all that is wanted of those gates that have it, by one statement; None where nobody knows."""
        lending = self._lending
        if lending is None:
            return {}
        rows = json.dumps([_row(*each) for each in wanted.items()])
        if (lent := self._database.write_alone(lending, {"wanted": rows})) is None:
            return None
        grants = {}
        for kind, name, tokens, used in lent:
            _, demand = wanted[gate := Gate(GateKind(kind), name)]
            grants[gate] = Grant(demand.whole, tokens, used, day=demand.day)
        return grants

    def _share(self, wanted: _Wanted) -> dict[Gate, Grant]:
        """Lend what there is, however little, and note which gates have plenty."""
        paced: set[Gate] = set()

        def work(connection: Connection) -> dict[Gate, Grant]:
            rows = self._locked(connection, wanted)
            now = next(iter(rows.values())).now.astimezone(UTC)
            grants = {
                name: _granted(limit, rows[name], now, demand) for name, (limit, demand) in wanted.items()
            }
            connection.execute(_SET, [_new(name, rows[name], now, given) for name, given in grants.items()])
            paced.update(name for name, row in rows.items() if grown(row.pace, row.paced_ago) is not None)
            return grants

        grants = self._database.write(work)
        self._ample -= wanted.keys()
        self._ample |= {
            name
            for name, (_, demand) in wanted.items()
            if grants[name].count == demand.whole and name not in paced
        }
        return grants

    def slow_down(self, relay: str, limit: Limit, passing: float) -> float | None:
        """Lower the pace of a relay that says so, and return it; None where that has just been done.

        `passing` are the recipients a second that this daemon sends it; without a limit each of the others is
        taken to send as many.
        """

        def work(connection: Connection) -> float | None:
            connection.execute(self._enter, {"kind": GateKind.RELAY.value, "name": relay})
            row = connection.execute(_PACED, {"relay": relay}).one()
            present = limit.lowered(grown(row.pace, row.ago)).rate
            all_pass = passing * max(1, row.daemons)
            pace = slowed(all_pass if present is None else min(present, all_pass), row.ago)
            if pace is not None:
                connection.execute(_SLOW, {"relay": relay, "new_pace": pace})
            return pace

        return self._database.write(work)

    def _locked(self, connection: Connection, wanted: Mapping[Gate, Any]) -> dict[Gate, Any]:
        locking = _locking(tuple(wanted))
        rows = {Gate(GateKind(row.kind), row.name): row for row in connection.execute(locking)}
        if len(rows) < len(wanted):
            for kind, name in sorted(set(wanted) - set(rows)):
                connection.execute(self._enter, {"kind": kind.value, "name": name})
            return self._locked(connection, wanted)
        return rows


@lru_cache(maxsize=64)
def _locking(gates: tuple[Gate, ...]) -> Select[Any]:
    where = or_(*(and_(_g.kind == kind.value, _g.name == name) for kind, name in gates))
    return _READ.where(where).order_by(_g.kind, _g.name).with_for_update()


def _row(name: Gate, wanted: tuple[Limit, Demand]) -> dict[str, Any]:
    """Return what is wanted of a gate as a row for `lending`."""
    limit, demand = wanted
    return {
        "kind": name.kind.value,
        "name": name.name,
        "rate": limit.rate,
        "burst": limit.at_once,
        "back": demand.back,
        "unused": demand.unused,
        "day": demand.day and demand.day.isoformat(),
        "count": demand.whole,
    }


def _granted(limit: Limit, row: Any, now: datetime, demand: Demand) -> Grant:
    day = _quota_day(row, now)
    bucket = Bucket(
        row.tokens,
        0.0 if row.tokens_at is None else (now - row.tokens_at).total_seconds(),
        (row.quota_used or 0) if row.quota_day == day else 0,
        (_end(day) - now).total_seconds(),
    )
    if demand.day != day:
        # Today's quota has nothing back of yesterday's.
        demand = replace(demand, unused=0)
    return replace(grant(limit.lowered(grown(row.pace, row.paced_ago)), bucket, demand), day=day)


def _quota_day(row: Any, now: datetime) -> date:
    """Return the day that it is, also for one who has waited past midnight for a lock."""
    today = now.date()
    is_over = row.quota_day == today + timedelta(days=1) and _end(today) - now < _WAITED
    return today + timedelta(days=1) if is_over else today


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _new(name: Gate, row: Any, now: datetime, given: Grant) -> dict[str, Any]:
    """Return what stands in the gate after it has `given`."""
    was_short = (
        row.short_of == given.short_of and row.short_until is not None and now - row.short_until < LATELY
    )
    late = row.tokens_at is not None and timedelta() < row.tokens_at - now < _WAITED
    short = given.short_of is not None
    return {
        "its_kind": name.kind.value,
        "its_name": name.name,
        "new_tokens": given.tokens,
        # Somebody else's borrowing came between our instant and our lock: no time may be counted twice.
        "new_tokens_at": None if given.tokens is None else row.tokens_at if late else now,
        "new_quota_used": given.used,
        "new_quota_day": given.day,
        "new_short_of": given.short_of,
        "new_short_since": (row.short_since if was_short else now) if short else None,
        "new_short_until": now + timedelta(seconds=given.wait) if short else None,
    }
