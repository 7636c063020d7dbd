"""Whether the database still knows what it knew: which database it is, and how often it went back in time.

A dump that is restored, or a failover that loses commits, brings back mail that was sent. Who finds that
raises the epoch; every daemon then looks into its journal, and says in its session that it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, null, select, update

from outbox.store.pauses import ALL, pause
from outbox.store.schema import GateKind, SessionState, gate, meta, session
from outbox.store.types import Guid

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.store.database import Database

WHO = "outbox"
"""Who has paused everything where a person must say that mail may go again."""

_NOW = select(meta.c.database_id, meta.c.epoch).where(meta.c.id == 1)
_RAISE = (
    update(meta)
    .where(meta.c.id == 1, meta.c.epoch <= bindparam("known"))
    .values(epoch=bindparam("known") + 1)
)
_ANSWER = (
    update(session).where(session.c.id == bindparam("me", type_=Guid)).values(epoch=bindparam("answered"))
)
_UNANSWERED = (
    select(session.c.host)
    .where(
        session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]),
        session.c.epoch < select(meta.c.epoch).where(meta.c.id == 1).scalar_subquery(),
    )
    .distinct()
    .order_by(session.c.host)
)


_RESTORED = select(gate.c.paused_at, gate.c.paused_why).where(
    gate.c.kind == GateKind.ALL.value, gate.c.name == ALL, gate.c.paused_by == WHO
)
_CONFIRM = (
    update(gate)
    .where(gate.c.kind == GateKind.ALL.value, gate.c.name == ALL, gate.c.paused_by == WHO)
    .values(paused_at=null(), paused_by=null(), paused_why=null())
)
_ANSWERED = (
    select(session.c.host)
    .where(
        session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]),
        session.c.epoch == select(meta.c.epoch).where(meta.c.id == 1).scalar_subquery(),
    )
    .distinct()
    .order_by(session.c.host)
)


class Restored(NamedTuple):
    """What waits for a person since the database was restored, and the hosts that have done their part."""

    since: datetime
    why: str | None
    answered: tuple[str, ...]
    unanswered: tuple[str, ...]


class Now(NamedTuple):
    """Which database this is, and its epoch."""

    database: str
    epoch: int


class History:
    """The epochs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> Now:
        """Return where the database stands."""
        return self._database.read(_now)

    def went_back(self, known: int, why: str | None = None) -> bool:
        """Raise the epoch above one that is `known`; tell whether nobody had, for the same reason, before.

        Then, with `why`, everything is paused until a person has confirmed that.
        """

        def work(connection: Connection) -> bool:
            first = connection.execute(_RAISE, {"known": known}).rowcount == 1
            if first and why is not None:
                pause(connection, GateKind.ALL, ALL, who=WHO, why=why)
            return first

        return self._database.write(work)

    def answer(self, me: UUID, epoch: int) -> None:
        """Say that the daemon of this session has looked into its journal up to this epoch."""
        self._database.write(lambda connection: connection.execute(_ANSWER, {"me": me, "answered": epoch}))


def _now(connection: Connection) -> Now:
    row = connection.execute(_NOW).one()
    return Now(row.database_id or "", row.epoch)


def restored(connection: Connection) -> Restored | None:
    """Return what waits for a person, or None."""
    row = connection.execute(_RESTORED).first()
    if row is None:
        return None
    done = tuple(connection.execute(_ANSWERED).scalars())
    return Restored(row.paused_at, row.paused_why, done, unanswered(connection))


def confirm(connection: Connection) -> bool:
    """Let mail go after a restore; tell whether any waited for that. Nobody else's pause is ended."""
    return connection.execute(_CONFIRM).rowcount > 0


def unanswered(connection: Connection) -> tuple[str, ...]:
    """Return the hosts of living sessions that have not yet looked into their journals for this epoch."""
    return tuple(connection.execute(_UNANSWERED).scalars())
