"""What this daemon holds: claims on their way to the tray, and deliveries whose verdict is unwritten."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox.mail.diversion import Diversion
from outbox.mail.objection import Objection
from outbox.mail.status import Lane
from outbox.worker.parcel import Parcel, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.bodies import Message
    from outbox.store.moves import Claim
    from outbox.store.queue import Queue
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads
    from outbox.worker.tray import Tray

BODIES = 64 * 1024 * 1024
"""Bytes of bodies in memory at once; a larger single mail is still sent, alone."""

PORTION = 8 * 1024 * 1024
"""Bytes of bodies in one answer of the database, of which drivers hold up to three copies; or one mail."""

SWEEP = 60.0
"""Seconds between two looks for claims that nobody here knows: a server may finish one that we gave up."""


class Supply:
    """Claims deliveries and fills the tray with parcels that have their bodies.

    `most` tells of a stream how many recipients of one message may travel together, `diversion` who gets mail
    at all. `sign` returns a message as it is to be sent; it runs in the thread that has read it.
    """

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        tray: Tray,
        most: Callable[[str], int],
        diversion: Diversion | None = None,
        sign: Callable[[Message], Message] | None = None,
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._tray = tray
        self._most = most
        self._diversion = diversion or Diversion()
        self._sign = sign
        self._bare: deque[Parcel] = deque()
        self._loaded = 0
        # Bytes of those that have passed the first one, which waits for memory.
        self._passed = 0
        # Each delivery in hand: the same one may be claimed again before its release is known.
        self._held: dict[int, Claim] = {}
        # Of these, the ones that no verdict was given on.
        self._sending: dict[int, int] = {}
        # Ours, too, with a verdict that the database refuses: no rescued mail waits for it.
        self._refused: dict[int, int] = {}
        self._alone: int | None = None
        self._unsure = False
        self._swept_at = 0.0

    @property
    def holds(self) -> int:
        """Deliveries claimed whose verdict is not yet written."""
        return len(self._held)

    @property
    def holds_alone(self) -> bool:
        """Whether a rescued delivery is in hand: another one is claimed only after it."""
        return self._alone is not None

    @property
    def can_load(self) -> bool:
        """Whether claims wait for their bodies and there is memory for some."""
        return any(self._fits(parcel) for parcel in self._bare)

    @property
    def waiting(self) -> int:
        """Parcels that have no body yet; the large ones among them wait for memory until others are sent."""
        return len(self._bare)

    @property
    def is_judged(self) -> bool:
        """Whether everything that was claimed has its verdict."""
        return not self._sending

    def held(self, stream: str | None = None) -> int:
        """Return how many recipients wait here or on the tray, of one stream or of all."""
        bare = sum(len(each.claims) for each in self._bare if stream in {None, each.stream})
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

    def must_sweep(self, now: float) -> bool:
        """Tell whether the next claim first looks for those that nobody here knows."""
        return self._unsure or now - self._swept_at >= SWEEP

    async def claim(
        self,
        lease: Lease,
        limit: int,
        now: float,
        paused: Collection[str] = frozenset(),
        room: Callable[[str], int | None] = lambda _: None,
    ) -> tuple[int, list[Claim]]:
        """Claim at most `limit` deliveries at `now`, by the daemon's clock; return how many there were.

        Of a stream at most as many as there is `room` for; None is any number.

        And those among them that must not be sent: there is an objection to them, or this process still sends
        them under an older claim, which it had lost. Whoever has sent a mail to its last byte, and waits for
        the answer, must not send it beside that.
        """
        if self.must_sweep(now):
            await self.release_unknown(lease)
            self._swept_at = now
        try:
            claims = await self._threads.run(
                self._queue.claim,
                lease.id,
                limit,
                retries=self.retries_room(limit),
                alone=not self.holds_alone,
                paused=paused,
                room=room,
                in_hand={id_: one.recipient for id_, one in self._held.items() if not one.objection},
            )
        except SQLAlchemyError:
            self._unsure = True
            raise
        if lease.lost:
            # Others would have to take it for begun.
            await self.release_unknown(lease)
            return len(claims), []
        claims = [self._diverted(claim) for claim in claims]
        kept = [claim for claim in claims if claim.objection or claim.delivery_id in self._sending]
        new = [claim for claim in claims if claim not in kept]
        rescued = (claim.delivery_id for claim in new if claim.lane is Lane.ALONE)
        self._alone = next(rescued, self._alone)
        # What is objected to is ours, too, until that is written.
        ours = [claim for claim in claims if claim.objection or claim in new]
        self._held.update((claim.delivery_id, claim) for claim in ours)
        self._sending.update((claim.delivery_id, claim.fence) for claim in new)
        self._bare.extend(pack(new, lease, now, self._most))
        return len(claims), kept

    def _diverted(self, claim: Claim) -> Claim:
        to = self._diversion.of(claim.recipient)
        if isinstance(to, Objection):
            return replace(claim, objection=claim.objection or to)
        return claim if to == claim.recipient else replace(claim, diverted=to)

    async def release_unknown(self, lease: Lease) -> None:
        """Give back what an earlier claim may have taken whose answer was lost: nobody here knows of it."""
        known = [*self._held, *self._refused]
        await self._threads.run(self._queue.release_unknown, lease.id, known)
        self._unsure = False

    async def announce(self, parcel: Parcel) -> None:
        """Write down that the sending of a rescued delivery begins, and let the senders have it."""
        (claim,) = parcel.claims
        announced = await self._threads.run(self._queue.announce, parcel.lease.id, claim)
        if announced:
            parcel.announced = True
            self._tray.stir()
        elif announced is False and self._tray.remove(parcel):
            self._forget(parcel)

    async def load(self) -> None:
        """Read the bodies of a portion of the claims, and put them on the tray."""
        parcels = self._portion()
        try:
            ids = {parcel.message_id for parcel in parcels}
            messages = await self._threads.run(self._read, ids)
        except SQLAlchemyError:
            self._loaded -= sum(parcel.size for parcel in parcels)
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
        self._loaded -= parcel.size
        parcel.size = len(message.mime) if message else 0
        self._loaded += parcel.size

    def _first(self) -> Parcel | None:
        """Return the first parcel that others must not pass for ever: no retry, which may wait for long."""
        return next((parcel for parcel in self._bare if not parcel.retry), None)

    def _fits(self, parcel: Parcel) -> bool:
        first = self._first()
        if parcel.retry or first is None:
            # Half of the memory stays free for fresh mail, whatever the retries wait for.
            return not self._loaded or self._loaded + parcel.size <= BODIES // 2
        if parcel is not first and (first.size > BODIES or self._passed >= BODIES):
            # Were it passed for ever, it would never go.
            return False
        return not self._loaded or self._loaded + parcel.size <= BODIES

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
                self._loaded += parcel.size
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
        self._loaded -= parcel.size
        parcel.message = None
        self._ends(parcel)

    def written(self, settlements: Iterable[Settlement]) -> None:
        """Forget claims whose verdicts are in the database."""
        for settlement in settlements:
            self._release(settlement.delivery_id, settlement.fence)
            if self._refused.get(settlement.delivery_id) == settlement.fence:
                del self._refused[settlement.delivery_id]

    def refused(self, settlement: Settlement) -> None:
        """Take note of a claim whose verdict the database refuses, for a minute or for ever."""
        self._release(settlement.delivery_id, settlement.fence)
        self._refused[settlement.delivery_id] = settlement.fence

    def give_up(self, which: Callable[[Parcel], bool] = lambda _: True) -> list[Parcel]:
        """Take back all parcels that nobody has begun to send, or those of which `which` tells so."""
        waiting = self._tray.empty(which)
        self._loaded -= sum(parcel.size for parcel in waiting)
        bare = [parcel for parcel in self._bare if which(parcel)]
        self._bare = deque(parcel for parcel in self._bare if parcel not in bare)
        for parcel in waiting + bare:
            self._ends(parcel)
        return waiting + bare

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held: others rescue it."""
        self._refused.clear()
        for parcel in self.give_up(lambda parcel: parcel.lease is lease):
            for claim in parcel.claims:
                self._release(claim.delivery_id, claim.fence)

    def _forget(self, parcel: Parcel) -> None:
        self.sent(parcel)
        for claim in parcel.claims:
            self._release(claim.delivery_id, claim.fence)

    def _ends(self, parcel: Parcel) -> None:
        for claim in parcel.claims:
            if self._sending.get(claim.delivery_id) == claim.fence:
                del self._sending[claim.delivery_id]

    def _release(self, delivery_id: int, fence: int) -> None:
        if self._sending.get(delivery_id) == fence:
            del self._sending[delivery_id]
        if (held := self._held.get(delivery_id)) is not None and held.fence == fence:
            del self._held[delivery_id]
            if delivery_id == self._alone:
                self._alone = None
