"""Whether the database still knows what it knew: which database it is, and how often it went back in time.

A dump that is restored, or a failover that loses commits, brings back mail that was sent. Who finds that
raises the epoch; every daemon then looks into its journal, and says in its session that it has. So does who
finds that another server has the database: it may have lost what others had sent, who have yet to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Integer, and_, bindparam, case, func, null, or_, select, update
from sqlalchemy.exc import NotSupportedError, ProgrammingError

from outbox.store.clock import utc_now
from outbox.store.schema import SessionState, meta, session
from outbox.store.types import Guid

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.store.database import Database

_NOW = select(meta.c.database_id, meta.c.epoch).where(meta.c.id == 1)
_TIMELINE = select(meta.c.timeline).where(meta.c.id == 1)
_server = bindparam("server", type_=Integer)
_NOTE = update(meta).where(meta.c.id == 1, meta.c.timeline.is_(None)).values(timeline=_server)
_IS_KNOWN = meta.c.epoch <= bindparam("known")
_IS_NEWS = or_(_IS_KNOWN, meta.c.timeline != _server)
_NEXT = case((_IS_KNOWN, bindparam("known") + 1), else_=meta.c.epoch + 1)
_HERE = func.coalesce(_server, meta.c.timeline)
_RAISE = update(meta).where(meta.c.id == 1, _IS_NEWS).values(epoch=_NEXT, timeline=_HERE)
# Also where another has raised the epoch who did not know how far; but a person is asked once.
_IS_UNTOLD = and_(meta.c.restored_at.is_(None), meta.c.confirmed <= bindparam("known"))
_RESTORE = (
    update(meta)
    .where(meta.c.id == 1, or_(_IS_NEWS, _IS_UNTOLD))
    .values(restored_at=utc_now(), epoch=case((_IS_NEWS, _NEXT), else_=meta.c.epoch), timeline=_HERE)
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


_RESTORED = select(meta.c.restored_at).where(meta.c.id == 1)
_CONFIRM = (
    update(meta)
    .where(meta.c.id == 1, meta.c.restored_at.is_not(None))
    .values(restored_at=null(), confirmed=meta.c.epoch)
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
        self._asks = database.dialect.timeline

    def now(self) -> Now:
        """Return where the database stands."""
        return self._database.read(_now)

    def went_back(self, known: int, *, far: bool = False) -> bool:
        """Raise the epoch above one that is `known`; tell whether nobody had, for the same reason, before.

        Nobody had, too, where the database has moved to another server since it was raised last.

        Where it went back `far`, nothing is sent then until a person has confirmed that: also where others
        have raised the epoch, who could not know it, but not where a person has confirmed it since.
        """
        given = {"known": known, "server": self._server()}

        def work(connection: Connection) -> bool:
            return connection.execute(_RESTORE if far else _RAISE, given).rowcount == 1

        return self._database.write(work)

    def has_moved(self) -> bool:
        """Tell whether another server has the database than when this was noted, or the epoch raised.

        PostgreSQL counts its promotions. Where a server does not tell, or not now, nothing has moved.
        """
        server = self._server()
        if server is None:
            return False
        before = self._database.read(lambda connection: connection.execute(_TIMELINE).scalar())
        if before is None:
            self._database.write(lambda connection: connection.execute(_NOTE, {"server": server}))
        return before not in {None, server}

    def _server(self) -> int | None:
        """Return which of the servers that follow each other has the database now; None: nobody tells."""
        if self._asks is None:
            return None
        asks = self._asks
        try:
            return self._database.read(lambda connection: connection.execute(asks).scalar())
        except (NotSupportedError, ProgrammingError):
            # Some that speak PostgreSQL have no WAL of their own, or keep it to themselves.
            self._asks = None
            return None

    def answer(self, me: UUID, epoch: int) -> None:
        """Say that the daemon of this session has looked into its journal up to this epoch."""
        self._database.write(lambda connection: connection.execute(_ANSWER, {"me": me, "answered": epoch}))


def _now(connection: Connection) -> Now:
    row = connection.execute(_NOW).one()
    return Now(row.database_id or "", row.epoch)


def restored(connection: Connection) -> Restored | None:
    """Return what waits for a person, or None."""
    since = connection.execute(_RESTORED).scalar()
    if since is None:
        return None
    return Restored(since, tuple(connection.execute(_ANSWERED).scalars()), unanswered(connection))


def confirm(connection: Connection) -> bool:
    """Let mail go after a restore; tell whether any waited for that."""
    return connection.execute(_CONFIRM).rowcount > 0


def unanswered(connection: Connection) -> tuple[str, ...]:
    """Return the hosts of living sessions that have not yet looked into their journals for this epoch."""
    return tuple(connection.execute(_UNANSWERED).scalars())
