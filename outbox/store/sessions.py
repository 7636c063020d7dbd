"""The runs of daemons: each beats while it lives, and is declared lost by the others when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, exists, insert, select, update

from outbox.store.batches import FEW
from outbox.store.clock import after, seconds_since, utc_now
from outbox.store.schema import SessionState, delivery, session
from outbox.store.states import IS_SENDING
from outbox.store.types import Guid

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.store.database import Database

_s = session.c
_LIVE = (SessionState.RUNNING.value, SessionState.STOPPING.value)

_START = insert(session).values(state=SessionState.RUNNING.value)
_counted = _s.sent + _s.failed + _s.deferred
_BEAT = (
    update(session)
    .where(_s.id == bindparam("me", type_=Guid), _s.state.in_(_LIVE), _counted >= bindparam("least"))
    .values(
        beat_at=utc_now(),
        sent=bindparam("total_sent"),
        failed=bindparam("total_failed"),
        deferred=bindparam("total_deferred"),
    )
)
_BEHIND = select(_s.id).where(
    _s.id == bindparam("me", type_=Guid), _s.state.in_(_LIVE), _counted < bindparam("least")
)
_ENTER = (
    update(session)
    .where(_s.id == bindparam("me", type_=Guid), _s.state.in_(_LIVE))
    .values(state=bindparam("next_state"), beat_at=utc_now())
)
_PRESENT = select(_s.host, _s.pid, _s.version, _s.ttl, seconds_since(_s.beat_at).label("silent")).where(
    _s.state.in_(_LIVE)
)
_LIVING = select(_s.id, _s.beat_at, _s.ttl, seconds_since(_s.beat_at).label("silent")).where(
    _s.state.in_(_LIVE)
)
_LOSE = (
    update(session)
    .where(
        _s.id == bindparam("silent_id", type_=Guid),
        _s.state.in_(_LIVE),
        # It has not beaten since it was read.
        _s.beat_at == bindparam("last_beat", type_=_s.beat_at.type),
    )
    .values(state=SessionState.LOST.value)
)
_IS_FORGOTTEN = and_(
    _s.state.in_((SessionState.STOPPED.value, SessionState.LOST.value)),
    _s.beat_at <= after("younger"),
    ~exists().where(delivery.c.session == _s.id, IS_SENDING),
)
_FORGOTTEN = select(_s.id).where(_IS_FORGOTTEN).limit(FEW)


class Present(NamedTuple):
    """A run that has not ended in order; `silent` seconds since its last beat, of which it promised `ttl`."""

    host: str
    pid: int
    version: str
    ttl: float
    silent: float


def present(connection: Connection) -> list[Present]:
    """Return the runs that have not ended, as far as the database knows."""
    return [Present(*row) for row in connection.execute(_PRESENT.order_by(_s.host, _s.pid))]


@dataclass(slots=True)
class Totals:
    """What a daemon has done, in deliveries: since its start, or in one of its sessions."""

    sent: int = 0
    failed: int = 0
    deferred: int = 0

    def since(self, before: Totals) -> Totals:
        """Return what came beside what there was before."""
        return Totals(self.sent - before.sent, self.failed - before.failed, self.deferred - before.deferred)


class Sessions:
    """The sessions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._forget = delete(session).where(database.dialect.among(_s.id, "ids"), _IS_FORGOTTEN)

    def start(
        self, me: UUID, *, host: str, pid: int, version: str, ttl: float, epoch: int | None = None
    ) -> None:
        """Enter a new run; `me` is fresh for each, so that a restart never looks like its predecessor.

        After `ttl` seconds without a beat others may declare it lost: its own promise, not theirs. Up to
        `epoch` its journal was read.
        """
        row = {"id": me, "host": host[:255], "pid": pid, "version": version, "ttl": ttl, "epoch": epoch}
        self._database.write(lambda connection: connection.execute(_START, row))

    def beat(self, me: UUID, totals: Totals, least: int = 0) -> bool:
        """Renew the lease; False says that another daemon has declared this session lost.

        Or that its row has counted fewer than `least` ends, see `is_behind`.
        """
        parameters = {
            "me": me,
            "least": least,
            "total_sent": totals.sent,
            "total_failed": totals.failed,
            "total_deferred": totals.deferred,
        }
        return self._database.write(lambda connection: connection.execute(_BEAT, parameters).rowcount) == 1

    def is_behind(self, me: UUID, least: int) -> bool:
        """Tell whether the row of a living session has counted fewer ends: its database went back in time."""
        parameters = {"me": me, "least": least}
        found = self._database.read(lambda connection: connection.execute(_BEHIND, parameters).first())
        return found is not None

    def enter(self, me: UUID, state: SessionState) -> bool:
        """Move this session to `state`; False if it is no longer alive."""
        parameters = {"me": me, "next_state": state.value}
        return self._database.write(lambda connection: connection.execute(_ENTER, parameters).rowcount) == 1

    def declare_lost(self, me: UUID, trusted: float) -> int:
        """Declare lost every other session that is silent beyond its own TTL; return how many.

        Nobody is, while the caller's own beat is older than `trusted` seconds: then the database, or the
        way to it, stood still, and everybody's beats are old.
        """

        def work(connection: Connection) -> int:
            living = {row.id: row for row in connection.execute(_LIVING)}
            mine = living.pop(me, None)
            if mine is None or mine.silent > trusted:
                return 0
            # What was read decides. If the database stands still between the two statements, nobody
            # could beat meanwhile; who beats after it has a newer beat and is left alone.
            return sum(
                connection.execute(_LOSE, {"silent_id": row.id, "last_beat": row.beat_at}).rowcount
                for row in living.values()
                if row.silent > row.ttl
            )

        return self._database.write(work)

    def prune(self, age: float) -> int:
        """Delete the rows of sessions that ended `age` seconds ago or earlier, a few; return how many.

        No journal may name them any more (`journal/folder.py`): a daemon whose journal names a session that
        is not there believes that the database went back in time.
        """

        def work(connection: Connection) -> int:
            forgotten = connection.execute(_FORGOTTEN, {"younger": -age}).scalars().all()
            if not forgotten:
                return 0
            return connection.execute(self._forget, {"ids": list(forgotten), "younger": -age}).rowcount

        # An idle daemon on SQLite only reads.
        if not self._database.read(lambda found: found.execute(_FORGOTTEN, {"younger": -age}).first()):
            return 0
        return self._database.write(work)
