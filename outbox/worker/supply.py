"""Claims on their way to the senders of one relay."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox.mail.diversion import Diversion
from outbox.mail.objection import Objection
from outbox.store.database import UnmetServerError
from outbox.worker.parcel import Parcel, first_of, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from outbox.store.bodies import Message
    from outbox.store.moves import Claim
    from outbox.store.queue import Queue
    from outbox.worker.budget import Budget
    from outbox.worker.holdings import Holdings
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads
    from outbox.worker.tray import Tray

PORTION = 8 * 1024 * 1024
"""Bytes of bodies in one answer of the database, of which drivers hold up to three copies; or one mail."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: how many there were, and those that do not go this way.

    `kept` must not be sent: there is an objection, or this process still sends it under an older claim.
    `strays` may be in the hands of another relay since before, and stay with that. Of an `unmet` server
    nothing was claimed, as nobody has looked yet whether it knows what was sent.
    """

    count: int
    kept: list[Claim] = field(default_factory=list)
    strays: list[Claim] = field(default_factory=list)
    unmet: bool = False


class Supply:
    """Claims deliveries and fills the tray with parcels that have their bodies.

    `most` tells of a stream how many recipients of one message may travel together, `diversion` who gets mail
    at all. `sign` returns a message as it is to be sent; it runs in the thread that has read it. `strays`
    tells of a claim whether it must stay with another relay; `prepare` gets parcels as they are packed.
    """

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        holdings: Holdings,
        budget: Budget,
        tray: Tray,
        most: Callable[[str], int],
        diversion: Diversion | None = None,
        sign: Callable[[Message], Message] | None = None,
        strays: Callable[[Claim], bool] = lambda _: False,
        prepare: Callable[[Sequence[Parcel]], None] = lambda _: None,
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._holdings = holdings
        self._budget = budget
        self._tray = tray
        self._most = most
        self._diversion = diversion or Diversion()
        self._sign = sign
        self._bare: deque[Parcel] = deque()
        self._loaded = 0
        # Bytes of those that have passed the first one, which waits for memory.
        self._passed = 0
        self._strays = strays
        self._prepare = prepare

    @property
    def can_load(self) -> bool:
        """Whether claims wait for their bodies and there is memory for some."""
        return any(self._fits(parcel) for parcel in self._bare)

    @property
    def waiting(self) -> int:
        """Parcels that have no body yet; the large ones among them wait for memory until others are sent."""
        return len(self._bare)

    def held(self, stream: str | None = None) -> int:
        """Return how many recipients wait here or on the tray, of one stream or of all; on any thread."""
        bare = sum(len(each.claims) for each in tuple(self._bare) if stream in {None, each.stream})
        return bare + self._tray.held(stream)

    def has_room(self, size: int) -> bool:
        """Tell whether a claim of `size` would find senders, or soon.

        Large mail that waits for memory, and retries that wait for their half of the senders, must not keep
        other mail from the senders that are free.
        """
        return self._tray.ready - self._tray.retries + self.waiting <= size

    def retries_room(self, limit: int) -> int:
        """Return how many retries a claim of `limit` may take: half, less what only waits here already."""
        waiting = self._tray.retries + sum(parcel.retry for parcel in self._bare)
        return max(0, limit - limit // 2 - waiting)

    async def claim(
        self,
        lease: Lease,
        limit: int,
        now: float,
        paused: Collection[str] = frozenset(),
        room: Callable[[str], int | None] = lambda _: None,
    ) -> Claimed:
        """Claim at most `limit` deliveries at `now`, by the daemon's clock.

        Of a stream at most as many as there is `room` for; None is any number.
        """
        try:
            await self._holdings.sweep(lease, now)
            claims = await self._threads.run(
                self._queue.claim,
                lease.id,
                limit,
                retries=self.retries_room(limit),
                alone=not self._holdings.alone,
                paused=paused,
                room=room,
                in_hand=self._holdings.recipients,
            )
            if lease.lost:
                # Others would have to take it for begun.
                await self._holdings.release_unknown(lease)
                return Claimed(len(claims))
        except UnmetServerError:
            return Claimed(0, unmet=True)
        except SQLAlchemyError:
            self._holdings.doubt()
            raise
        claims = [self._diverted(claim) for claim in claims]
        new = self._holdings.add(claims)
        strays = [claim for claim in new if self._strays(claim)]
        # By their ids: whether two claims are alike costs a look at all that they have.
        astray, ours = ({claim.delivery_id for claim in some} for some in (strays, new))
        self.take([claim for claim in new if claim.delivery_id not in astray], lease, now)
        return Claimed(len(claims), [claim for claim in claims if claim.delivery_id not in ours], strays)

    def take(self, claims: Sequence[Claim], lease: Lease, now: float) -> None:
        """Have these sent; they are held already."""
        parcels = pack(claims, lease, now, self._most)
        self._prepare(parcels)
        self._bare.extend(parcels)

    def _diverted(self, claim: Claim) -> Claim:
        to = self._diversion.of(claim.recipient)
        if isinstance(to, Objection):
            return replace(claim, objection=claim.objection or to)
        return claim if to == claim.recipient else replace(claim, diverted=to)

    async def announce(self, parcels: Sequence[Parcel]) -> None:
        """Write down that the sending of these begins, at once, and let the senders have them.

        What is not held any more is dropped; what somebody has locked is asked for again.
        """
        lease = parcels[0].lease
        some = list(first_of(parcels, lease))
        claims = [claim for parcel in some for claim in parcel.claims]
        found = await self._threads.run(self._queue.announce, lease.id, claims)
        for parcel in some:
            told = {found[claim.delivery_id] for claim in parcel.claims}
            if told <= {True}:
                self._tray.announced(parcel)
            elif False in told and self._tray.remove(parcel):
                self._forget(parcel)
                # Of its other recipients nobody here knows any more.
                if len(told) > 1:
                    self._holdings.doubt()
        self._tray.stir()

    async def load(self) -> None:
        """Read the bodies of a portion of the claims, and put them on the tray."""
        parcels = self._portion()
        try:
            ids = {parcel.message_id for parcel in parcels}
            messages = await self._threads.run(self._read, ids)
        except SQLAlchemyError:
            self._load(-sum(parcel.size for parcel in parcels))
            self._bare.extendleft(reversed(parcels))
            raise
        for parcel in parcels:
            if parcel.lease.lost:
                self._forget(parcel)
            else:
                self._fill(parcel, messages.get(parcel.message_id))
        self._tray.put(parcel for parcel in parcels if not parcel.lease.lost)

    def _read(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        messages = self._queue.messages(ids)
        if self._sign is None:
            return messages
        return {id_: self._sign(message) for id_, message in messages.items()}

    def _fill(self, parcel: Parcel, message: Message | None) -> None:
        """Give a parcel its message, and count the memory that its body takes, whatever its row says."""
        parcel.message = message
        size = len(message.mime) if message else 0
        self._load(size - parcel.size)
        parcel.size = size

    def _first(self) -> Parcel | None:
        """Return the first parcel that others must not pass for ever: no retry, which may wait for long."""
        return next((parcel for parcel in self._bare if not parcel.retry), None)

    def _load(self, size: int) -> None:
        self._loaded += size
        self._budget.loaded(self, self._loaded)

    def _fits(self, parcel: Parcel) -> bool:
        part, size = self._budget.part, self._loaded + parcel.size
        has_room = size <= part or (not self._loaded and self._budget.may_exceed(self))
        first = self._first()
        if parcel.retry or first is None:
            # Half of the memory stays free for fresh mail, whatever the retries wait for.
            return has_room and (not self._loaded or size <= part // 2)
        if parcel is not first and (first.size > part or self._passed >= part):
            # Were it passed for ever, it would never go.
            return False
        return has_room

    def _portion(self) -> list[Parcel]:
        """Take the first claims that there is memory for; small ones pass a large one that waits for it."""
        first = self._first()
        chosen: list[Parcel] = []
        left: deque[Parcel] = deque()
        size = 0
        for parcel in self._bare:
            if self._fits(parcel) and (not chosen or size + parcel.size <= PORTION):
                chosen.append(parcel)
                size += parcel.size
                self._load(parcel.size)
            else:
                left.append(parcel)
        if chosen:
            fresh = sum(parcel.size for parcel in chosen if not parcel.retry)
            self._passed = 0 if first in chosen else self._passed + fresh
        self._bare = left
        return chosen

    def sent(self, parcel: Parcel) -> None:
        """Free the memory of a parcel whose sending has ended."""
        self._tray.done(parcel)
        self._load(-parcel.size)
        parcel.message = None
        self._holdings.end(parcel.claims)

    def give_up(self, which: Callable[[Parcel], bool] = lambda _: True) -> list[Parcel]:
        """Take back all parcels that nobody has begun to send, or those of which `which` tells so."""
        waiting = self._tray.empty(which)
        self._load(-sum(parcel.size for parcel in waiting))
        bare = [parcel for parcel in self._bare if which(parcel)]
        self._bare = deque(parcel for parcel in self._bare if parcel not in bare)
        for parcel in waiting + bare:
            self._holdings.end(parcel.claims)
        return waiting + bare

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held: others rescue it."""
        for parcel in self.give_up(lambda parcel: parcel.lease is lease):
            self._holdings.forget(parcel.claims)

    def _forget(self, parcel: Parcel) -> None:
        self.sent(parcel)
        self._holdings.forget(parcel.claims)
