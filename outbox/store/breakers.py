"""The breaker of each relay, shared by all daemons: compare and set, by the database's clock only.

Each change repeats in its WHERE what it was decided by, so that of several daemons one wins. `waits` counts
how often it has opened since the relay last worked at full width; it also tells one opening from the next.
What to do is decided by `delivery.breaker`, from the durations that are read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, bindparam, null, select, type_coerce, update

from outbox.store.clock import after, seconds_since, utc_now
from outbox.store.schema import GateKind, gate
from outbox.store.types import Guid

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Update

    from outbox.store.database import Database

_g = gate.c
_IS_IT = (_g.kind == GateKind.RELAY.value) & (_g.name == bindparam("relay", type_=_g.name.type))
_IS_OPEN = _g.open_until.is_not(None)
_AS_SEEN = _g.waits == bindparam("seen", type_=Integer)
_IS_MINE = _g.prober == bindparam("me", type_=Guid)
_NOBODYS = {"prober": null(), "probe_until": null()}

_OPEN = (
    update(gate)
    .where(_IS_IT, ~_IS_OPEN, _AS_SEEN)
    .values(opened_at=utc_now(), open_until=after("wait"), waits=_g.waits + 1, **_NOBODYS)
)
_PROBE = (
    update(gate)
    .where(
        _IS_IT,
        _g.open_until <= utc_now(),
        _g.prober.is_(None) | (_g.probe_until <= utc_now()) | _IS_MINE,
    )
    .values(prober=bindparam("me", type_=Guid), probe_until=after("lease"))
)
_FAILED = (
    update(gate).where(_IS_IT, _IS_MINE).values(open_until=after("wait"), waits=_g.waits + 1, **_NOBODYS)
)
_LEAVE = update(gate).where(_IS_IT, _IS_MINE).values(**_NOBODYS)
_CLOSE = (
    update(gate).where(_IS_IT, _IS_OPEN, _AS_SEEN).values(opened_at=null(), open_until=null(), **_NOBODYS)
)
_FORGET = update(gate).where(_IS_IT, ~_IS_OPEN, _g.waits > 0).values(waits=0)

SHARED: tuple[Any, ...] = (
    type_coerce(seconds_since(_g.open_until), Float).label("open_until_ago"),
    type_coerce(seconds_since(_g.probe_until), Float).label("probe_until_ago"),
    _g.prober,
    _g.waits,
)
_READ = select(*SHARED).where(_IS_IT)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all daemons know of one relay's breaker, in seconds from when it was read.

    `open_for` says when it may be tried, None that it is closed; `probe_for` how long somebody's probe keeps
    others from it, and whether that is `mine`.
    """

    open_for: float | None = None
    waits: int = 0
    probe_for: float = 0.0
    prober: UUID | None = None


def shared_of(row: Any) -> Shared:
    """Return what a row of `SHARED` says."""
    probe = row.probe_until_ago
    return Shared(
        open_for=None if row.open_until_ago is None else -row.open_until_ago,
        waits=row.waits,
        probe_for=0.0 if row.prober is None or probe is None else max(0.0, -probe),
        prober=row.prober,
    )


class Breakers:
    """The breakers of one database's relays; each method tells whether it has changed the row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._enter = database.dialect.insert_or_nothing(gate, _g.kind, _g.name)

    def read(self, relay: str) -> Shared:
        """Return what is known of the breaker of `relay`."""
        row = self._database.read(
            lambda connection: connection.execute(_READ, {"relay": relay}).one_or_none()
        )
        return Shared() if row is None else shared_of(row)

    def open(self, relay: str, wait: float, *, seen: int) -> bool:
        """Open a closed breaker for `wait` seconds, unless it has opened since it had `seen` waits."""

        def work(connection: Connection) -> bool:
            connection.execute(self._enter, {"kind": GateKind.RELAY.value, "name": relay})
            return connection.execute(_OPEN, {"relay": relay, "wait": wait, "seen": seen}).rowcount == 1

        return self._database.write(work)

    def probe(self, relay: str, me: UUID, lease: float) -> bool:
        """Take the one probe of an open breaker whose wait is over, for `lease` seconds at most."""
        return self._set(_PROBE, relay, me=me, lease=lease)

    def failed(self, relay: str, me: UUID, wait: float) -> bool:
        """Let nobody try for another `wait` seconds, since my probe has failed."""
        return self._set(_FAILED, relay, me=me, wait=wait)

    def leave(self, relay: str, me: UUID) -> bool:
        """Let somebody else probe at once: I have nothing to try it with, or wait long for an answer."""
        return self._set(_LEAVE, relay, me=me)

    def close(self, relay: str, *, seen: int) -> bool:
        """Close it for all, since the relay judged a mail; unless it has opened again since."""
        return self._set(_CLOSE, relay, seen=seen)

    def forget(self, relay: str) -> bool:
        """Count from the first wait again: the relay works at full width."""
        return self._set(_FORGET, relay)

    def _set(self, statement: Update, relay: str, **values: Any) -> bool:
        parameters = {"relay": relay, **values}
        return self._database.write(
            lambda connection: connection.execute(statement, parameters).rowcount == 1
        )
