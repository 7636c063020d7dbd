"""The queue of one database, as the daemon sees it: each method is one short transaction.

Every write repeats its precondition in its own WHERE; a row that no longer fits is not changed, which is
normal and counted. Nothing but the moves here, in `verdicts` and in `rescues` changes a delivery.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, false, func, literal, null, select, true, update

from outbox.mail.rescue import CRASH_PAUSE
from outbox.mail.share import Shares
from outbox.mail.status import Move, Reason, Settlement, Status
from outbox.store.batches import BATCH, FEW
from outbox.store.bodies import Bodies
from outbox.store.claims import Claims, Taken, Wanted
from outbox.store.clock import utc_now
from outbox.store.dialects import daemon_dialect_of
from outbox.store.guards import Guards
from outbox.store.lanes import Lanes
from outbox.store.moves import IS_WISHED, PERSON, Claim, granted, is_cancelled
from outbox.store.rescues import rescue_some
from outbox.store.schema import delivery
from outbox.store.states import IS_PENDING, IS_SENDING, is_still
from outbox.store.types import Guid
from outbox.store.verdicts import Recorded, Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from outbox.mail.objection import Storm
    from outbox.store.bodies import Message
    from outbox.store.database import Database

_d = delivery.c


_IS_MINE = _d.session == bindparam("holder", type_=Guid)

_MINE = select(_d.id, _d.fence).where(_IS_MINE, is_still(Status.SENDING))
_ANNOUNCE = update(delivery).where(_IS_MINE, is_still(Status.SENDING)).values(announced=_d.fence)
_HELD = select(_d.id).where(_IS_MINE, IS_SENDING)
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
_NONE: Mapping[int, str] = MappingProxyType({})
_COUNTS = select(_d.status, func.count()).group_by(_d.status)


class Queue:
    """The queue of one database, as one daemon sees it.

    `lanes` is what it remembers between two claims, `shares` which streams it serves and how much of each,
    and `storm` how many mails one address may get.
    """

    def __init__(
        self,
        database: Database,
        lanes: Lanes | None = None,
        shares: Shares | None = None,
        storm: Storm | None = None,
    ) -> None:
        self._database = database
        daemon = daemon_dialect_of(database.engine.dialect.name)
        self._lanes = lanes or Lanes()
        self._claims = Claims(daemon, self._lanes, shares or Shares())
        self._guards = Guards(daemon, storm)
        self._bodies = Bodies(database)
        among = database.dialect.among(_d.id, "ids")
        self._expire = _EXPIRE.where(among)
        self._mine = _MINE.where(among)
        self._free = self._mine.with_for_update(skip_locked=True)
        self._announce = database.dialect.by_id(_ANNOUNCE.where(among))
        self._release_unknown = _RELEASE_UNKNOWN.where(among)
        self._verdicts = Verdicts(database.dialect, daemon)

    def has_due(
        self,
        *,
        retries: int = 1,
        alone: bool = True,
        paused: Collection[str] = frozenset(),
        room: Callable[[str], int | None] = lambda _: None,
    ) -> bool:
        """Tell by a read whether a claim would find anything, so that an idle daemon writes nothing."""
        wanted = Wanted(1, retries, alone=alone, paused=paused, room=room)
        look, seen = self._claims.look(wanted), Taken()
        found = self._database.read(lambda connection: self._claims.has_due(connection, look, wanted, seen))
        self._claims.learn(look, seen)
        return found

    def claim(
        self,
        holder: UUID,
        limit: int,
        *,
        retries: int | None = None,
        alone: bool = True,
        paused: Collection[str] = frozenset(),
        room: Callable[[str], int | None] = lambda _: None,
        in_hand: Mapping[int, str] = _NONE,
    ) -> list[Claim]:
        """Claim at most `limit` due deliveries for session `holder`, raising the fence of each by one.

        `alone` allows one of the rescued among them. Retries take at most half of the others, rounded up,
        and at most `retries`, so that a dead domain's backlog never starves fresh mail. A claim of one, as a
        probe is, takes a fresh one, else a retry, else a rescued one: what met a fault once may meet it each
        time; every fourth the other way round, as a slow limit may allow no larger claims. Streams share the
        places by their priority and weight; nothing of a `paused` one is taken, and of each at most as many
        as there is `room` for, where that is a number; retries take half of that.

        Some of what is claimed must not be sent, and says so by its `objection`; `in_hand` has for that
        the recipients of what this daemon holds already, by the ids of the deliveries.

        Raises UnmetServerError over a connection made since somebody looked what the server knows: it may
        lack what was sent, and give that out again.
        """
        most = limit if retries is None else retries
        wanted = Wanted(limit, most, alone=alone, paused=paused, room=room)
        look = self._claims.look(wanted)

        def work(connection: Connection) -> Taken:
            self._database.require_met(connection)
            taken = self._claims.take(connection, holder, look, wanted)
            taken.claims = self._guards.look(connection, taken.claims, in_hand)
            return taken

        taken = self._database.write(work)
        self._claims.learn(look, taken)
        return taken.claims

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        """Read the messages of these ids, first completing those that plain SQL has inserted."""
        return self._bodies.messages(ids)

    def announce(self, holder: UUID, claims: Sequence[Claim]) -> dict[int, bool | None]:
        """Write down that the sending of these begins, in one transaction; tell of each whether it did.

        False: it is no longer held. None: not now, since somebody has locked it; nothing waits for that.
        """
        fences = {claim.delivery_id: claim.fence for claim in claims}

        def of(connection: Connection, ids: Collection[int], statement: Select[Any]) -> set[int]:
            rows = connection.execute(statement, {"holder": holder, "ids": list(ids)})
            return {id_ for id_, fence in rows if fence == fences[id_]} if ids else set()

        def work(connection: Connection) -> dict[int, bool | None]:
            locked = of(connection, fences, self._free)
            if locked:
                connection.execute(self._announce, {"holder": holder, "ids": sorted(locked)})
            busy = of(connection, fences.keys() - locked, self._mine)
            return {id_: None if id_ in busy else id_ in locked for id_ in fences}

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
        """Give back what `holder` has claimed without knowing it: the answer to its COMMIT was lost.

        Raises UnmetServerError as `claim` does: what a server holds again that we have sent is no such claim.
        """
        # Told apart here: no statement has room for all that may be known.
        held = self._database.read(
            lambda connection: connection.execute(_HELD, {"holder": holder}).scalars().all()
        )
        unknown = sorted(set(held).difference(known))

        def work(connection: Connection, some: Sequence[int]) -> int:
            self._database.require_met(connection)
            ids = list(connection.execute(self._free, {"holder": holder, "ids": some}).scalars())
            parameters = {"holder": holder, "ids": ids}
            return connection.execute(self._release_unknown, parameters).rowcount if ids else 0

        released = sum(
            self._database.write(partial(work, some=unknown[first : first + FEW]))
            for first in range(0, len(unknown), FEW)
        )
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
