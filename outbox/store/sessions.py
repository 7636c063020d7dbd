"""The runs of daemons: each beats while it lives, and is declared lost by the others when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, update

from outbox.store.clock import after, utc_now
from outbox.store.schema import SessionState, session
from outbox.store.types import Guid

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.store.database import Database

_s = session.c
_LIVE = (SessionState.RUNNING.value, SessionState.STOPPING.value)

_START = insert(session).values(state=SessionState.RUNNING.value)
_BEAT = (
    update(session)
    .where(_s.id == bindparam("me", type_=Guid), _s.state.in_(_LIVE))
    .values(
        beat_at=utc_now(),
        sent=bindparam("total_sent"),
        failed=bindparam("total_failed"),
        deferred=bindparam("total_deferred"),
    )
)
_ENTER = (
    update(session)
    .where(_s.id == bindparam("me", type_=Guid), _s.state.in_(_LIVE))
    .values(state=bindparam("next_state"), beat_at=utc_now())
)
_LOSE = (
    update(session)
    .where(_s.state.in_(_LIVE), _s.id != bindparam("me", type_=Guid), _s.beat_at < after("less_ttl"))
    .values(state=SessionState.LOST.value)
)


@dataclass(slots=True)
class Totals:
    """What a session has done since its start, in deliveries."""

    sent: int = 0
    failed: int = 0
    deferred: int = 0


class Sessions:
    """The sessions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, me: UUID, *, host: str, pid: int, version: str) -> None:
        """Enter a new run; `me` is fresh for each, so that a restart never looks like its predecessor."""
        row = {"id": me, "host": host[:255], "pid": pid, "version": version}
        self._database.write(lambda connection: connection.execute(_START, row))

    def beat(self, me: UUID, totals: Totals) -> bool:
        """Renew the lease; False says that another daemon has declared this session lost."""
        parameters = {
            "me": me,
            "total_sent": totals.sent,
            "total_failed": totals.failed,
            "total_deferred": totals.deferred,
        }
        return self._database.write(lambda connection: connection.execute(_BEAT, parameters).rowcount) == 1

    def enter(self, me: UUID, state: SessionState) -> bool:
        """Move this session to `state`; False if it is no longer alive."""
        parameters = {"me": me, "next_state": state.value}
        return self._database.write(lambda connection: connection.execute(_ENTER, parameters).rowcount) == 1

    def declare_lost(self, me: UUID, ttl: float) -> int:
        """Declare lost every other session whose beat is older than `ttl` seconds; return how many.

        Only a session whose own beats were unbroken may call this: after an outage everybody's beats are old.
        """
        parameters = {"me": me, "less_ttl": -ttl}
        return self._database.write(lambda connection: connection.execute(_LOSE, parameters).rowcount)
