"""Whose turn the housekeeping of a database is: one daemon's at a time, so that many are no more load.

Only for that: two that delete at once would lock different rows, and count each once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, or_, select, update

from outbox.store.clock import after, utc_now
from outbox.store.schema import meta
from outbox.store.types import Guid, UtcDateTime

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.store.database import Database

TURN = 120.0
"""Seconds for which a daemon has its turn, from each time that it says so."""

_ME = bindparam("me", type_=Guid)
_TAKE = (
    update(meta)
    .where(
        meta.c.id == 1,
        or_(meta.c.keeper == _ME, meta.c.keeper_until.is_(None), meta.c.keeper_until <= utc_now()),
    )
    .values(keeper=_ME, keeper_until=after("turn"))
)
_SPAN = select(meta.c.erased_to, after("younger").label("ripe")).where(meta.c.id == 1)
_ERASED = (
    update(meta)
    .where(meta.c.id == 1, meta.c.keeper == _ME)
    .values(erased_to=bindparam("up_to", type_=UtcDateTime))
)


class Span(NamedTuple):
    """From the end up to which bodies were erased, None at first, to that up to which they are to be."""

    erased_to: datetime | None
    ripe: datetime


class Turns:
    """The turns of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, me: UUID) -> bool:
        """Take the turn, or keep it for longer; False where another has it."""
        parameters = {"me": me, "turn": TURN}
        return self._database.write(lambda connection: connection.execute(_TAKE, parameters).rowcount) == 1

    def span(self, age: float) -> Span:
        """Return which ends have bodies to be erased, those `age` seconds ago and earlier."""

        def work(connection: Connection) -> Span:
            return Span(*connection.execute(_SPAN, {"younger": -age}).one())

        return self._database.read(work)

    def erased(self, me: UUID, up_to: datetime) -> None:
        """Remember up to which end bodies were erased, so that nobody looks there again."""
        self._database.write(lambda connection: connection.execute(_ERASED, {"me": me, "up_to": up_to}))
