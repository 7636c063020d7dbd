"""The queue of one database, as the daemon sees it: each method is one short transaction.

Every write repeats its precondition in its own WHERE; a row that no longer fits is not changed, which is
normal and counted. Nothing but the moves here, in `verdicts` and in `rescues` changes a delivery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, false, func, literal, null, or_, select, true, update

from outbox.mail.rescue import CRASH_PAUSE
from outbox.mail.status import Lane, Move, Reason, Settlement, Status
from outbox.mail.stream import DEFAULT
from outbox.store.bodies import Bodies
from outbox.store.clock import utc_now
from outbox.store.lanes import LEFT, Lanes
from outbox.store.moves import (
    BATCH,
    IS_PENDING,
    IS_SENDING,
    IS_WISHED,
    PERSON,
    Claim,
    granted,
    is_cancelled,
    is_due,
    is_still,
)
from outbox.store.rescues import rescue_some
from outbox.store.schema import delivery
from outbox.store.types import Guid, UtcDateTime
from outbox.store.verdicts import Recorded, Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from outbox.store.bodies import Message
    from outbox.store.database import Database

_d = delivery.c


def _waits_in(lane: Lane, floor: ColumnElement[Any]) -> ColumnElement[bool]:
    due = is_due(literal(DEFAULT), literal(int(lane)), floor)
    # In order, since PostgreSQL would answer EXISTS by reading the table until it meets one: all the history.
    return select(_d.due_at).where(due).order_by(_d.due_at).limit(1).scalar_subquery().is_not(None)


_IS_DUE = select(
    or_(
        _waits_in(Lane.FRESH, bindparam("fresh_floor", type_=UtcDateTime)),
        _waits_in(Lane.RETRY, bindparam("retry_floor", type_=UtcDateTime)),
        and_(bindparam("alone") == true(), _waits_in(Lane.ALONE, literal(LEFT, UtcDateTime))),
    ),
    utc_now(),
)
_NOW = select(utc_now())

_IS_MINE = _d.session == bindparam("holder", type_=Guid)

_WANTED = select(_d.id).where(_d.id == bindparam("delivery"))
_ANNOUNCE = (
    update(delivery)
    .where(
        _d.id == bindparam("delivery"),
        _d.fence == bindparam("claimed"),
        _IS_MINE,
        is_still(Status.SENDING),
    )
    .values(announced=_d.fence)
)
_UNKNOWN = (
    select(_d.id)
    .where(
        _IS_MINE,
        IS_SENDING,
        _d.id.not_in(bindparam("known", expanding=True)),
    )
    .with_for_update(skip_locked=True)
)
_RELEASE_UNKNOWN = (
    update(delivery)
    .where(_IS_MINE, is_still(Status.SENDING))
    .values(
        # Nobody has begun to send what nobody knows.
        status=granted(true(), false(), literal(Status.PENDING.value)),
        session=None,
        reason=case((IS_WISHED, PERSON), else_=_d.reason),
        finished_at=case((is_cancelled(true(), false()), utc_now()), else_=null()),
    )
)
_OVERDUE = (
    select(_d.id).where(IS_PENDING, _d.expires_at <= utc_now()).limit(BATCH).with_for_update(skip_locked=True)
)
_EXPIRE = (
    update(delivery)
    .where(is_still(Status.PENDING), _d.expires_at <= utc_now())
    .values(status=Status.EXPIRED.value, reason=Reason.EXPIRED.value, finished_at=utc_now())
)
_COUNTS = select(_d.status, func.count()).group_by(_d.status)


class Queue:
    """The queue of one database, as one daemon sees it; `lanes` is what it remembers between two claims."""

    def __init__(self, database: Database, lanes: Lanes | None = None) -> None:
        self._database = database
        self._lanes = lanes or Lanes()
        self._bodies = Bodies(database)
        among = database.dialect.among(_d.id, "ids")
        self._expire = _EXPIRE.where(among)
        self._release_unknown = _RELEASE_UNKNOWN.where(among)
        self._verdicts = Verdicts(database.dialect)

    def has_due(self, *, alone: bool = True) -> bool:
        """Tell by a read whether a claim would find anything, so that an idle daemon writes nothing."""
        look = self._lanes.look()
        parameters = {
            "fresh_floor": look.floors[Lane.FRESH],
            "retry_floor": look.floors[Lane.RETRY],
            "alone": alone,
        }
        found, now = self._database.read(lambda connection: connection.execute(_IS_DUE, parameters).one())
        if not found:
            for lane in (Lane.FRESH, Lane.RETRY):
                self._lanes.found(look, lane, [now])
        return bool(found)

    def claim(self, holder: UUID, limit: int, *, alone: bool = True) -> list[Claim]:
        """Claim at most `limit` due deliveries for session `holder`, raising the fence of each by one.

        `alone` allows one of the rescued among them. Retries take at most half of the others, rounded up,
        so that a dead domain's backlog never starves fresh mail. A claim of one, as a probe is,
        takes a fresh one, else a retry, else a rescued one: what met a fault once may meet it each time.
        """
        look = self._lanes.look()

        def work(connection: Connection) -> tuple[datetime | None, list[tuple[Lane, int, list[Claim]]]]:
            def take(lane: Lane, most: int) -> tuple[Lane, int, list[Claim]]:
                which = {"lane_stream": DEFAULT, "lane_number": int(lane), "lane_floor": look.floors[lane]}
                claims = self._database.dialect.claim(connection, holder, which, most) if most else []
                return lane, most, claims

            now = connection.execute(_NOW).scalar_one() if look.is_whole else None
            if limit == 1:
                fresh = take(Lane.FRESH, 1)
                retries = take(Lane.RETRY, 1 - len(fresh[-1]))
                rescued = take(Lane.ALONE, int(alone and not (fresh[-1] or retries[-1])))
            else:
                rescued = take(Lane.ALONE, int(alone))
                room = limit - len(rescued[-1])
                retries = take(Lane.RETRY, room - room // 2)
                fresh = take(Lane.FRESH, room - len(retries[-1]))
            return now, [rescued, fresh, retries]

        now, taken = self._database.write(work)
        for lane, most, claims in taken:
            if most:
                seen = [claim.due_at for claim in claims]
                # Where all of it was claimed, none is left that was due until now.
                self._lanes.found(look, lane, [*seen, now] if now and len(claims) < most else seen)
        return [claim for _, _, claims in taken for claim in claims]

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        """Read the messages of these ids, first completing those that plain SQL has inserted."""
        return self._bodies.messages(ids)

    def announce(self, holder: UUID, claim: Claim) -> bool | None:
        """Write down that the sending of a rescued delivery begins; tell whether it did.

        False: it is no longer held. None: not now, since somebody has locked it; nothing waits for that.
        """
        parameters = {"holder": holder, "delivery": claim.delivery_id, "claimed": claim.fence}

        def work(connection: Connection) -> bool | None:
            free = connection.execute(_WANTED.with_for_update(skip_locked=True), parameters).first()
            if free is None and connection.execute(_WANTED, parameters).first():
                return None
            return connection.execute(_ANNOUNCE, parameters).rowcount == 1

        return self._database.write(work)

    def record(
        self, holder: UUID, settlements: Iterable[Settlement], *, doubt_pause: float, again: bool = False
    ) -> Recorded:
        """Write what became of held deliveries, with their attempt rows, in one transaction.

        A verdict whose claim is no longer held is late, and does what `mail.status.LATE` allows.
        `doubt_pause` is the wait, in seconds, that a late doubt puts on a waiting row. `again` says that
        these verdicts may be written already, since the answer to an earlier COMMIT was lost, or that
        somebody may have locked their rows: then nothing waits for those.
        """
        # In id order, so that two daemons never lock the same rows the other way round.
        batch = sorted(settlements, key=lambda settlement: settlement.delivery_id)
        if not batch:
            return Recorded()
        recorded = self._database.write(
            lambda connection: self._verdicts.record(
                connection, holder, batch, doubt_pause=doubt_pause, again=again
            )
        )
        if any(settlement.move is Move.RELEASE for settlement in batch):
            self._lanes.forget()
        return recorded

    def release_unknown(self, holder: UUID, known: Collection[int]) -> int:
        """Give back what `holder` has claimed without knowing it: the answer to its COMMIT was lost."""

        def work(connection: Connection) -> int:
            ids = list(connection.execute(_UNKNOWN, {"holder": holder, "known": list(known)}).scalars())
            parameters = {"holder": holder, "ids": ids}
            return connection.execute(self._release_unknown, parameters).rowcount if ids else 0

        released = self._database.write(work)
        if released:
            self._lanes.forget()
        return released

    def rescue(self, pause: float = CRASH_PAUSE) -> int:
        """Take deliveries from sessions that are lost or stopped; return how many.

        One that has crashed a daemon by itself waits for `pause` seconds.
        """
        return self._repeat(lambda connection: rescue_some(connection, pause))

    def expire(self) -> int:
        """End waiting deliveries that are too late to be useful; return how many."""

        def work(connection: Connection) -> int:
            ids = list(connection.execute(_OVERDUE).scalars())
            return connection.execute(self._expire, {"ids": ids}).rowcount if ids else 0

        return self._repeat(work)

    def counts(self) -> dict[Status, int]:
        """Count all deliveries by status; reads the whole table."""
        rows = self._database.read(lambda connection: connection.execute(_COUNTS).all())
        return {Status(status): count for status, count in rows}

    def _repeat(self, work: Callable[[Connection], int]) -> int:
        total = 0
        while moved := self._database.write(work):
            total += moved
        return total
