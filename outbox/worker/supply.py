"""What this daemon holds: claims on their way to the tray, and deliveries whose verdict is unwritten."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox.worker.parcel import Parcel, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads
    from outbox.worker.tray import Tray

BODIES = 64 * 1024 * 1024
"""Bytes of bodies in memory at once; a larger single mail is still sent, alone."""


class Supply:
    """Claims deliveries and fills the tray with parcels that have their bodies.

    `most` tells how many recipients of one message may travel together.
    """

    def __init__(self, queue: Queue, threads: Threads, tray: Tray, most: Callable[[], int]) -> None:
        self._queue = queue
        self._threads = threads
        self._tray = tray
        self._most = most
        self._bare: deque[Parcel] = deque()
        self._loaded = 0
        # The fence of each delivery in hand: the same one may be claimed again before its release is known.
        self._held: dict[int, int] = {}
        self._unsure = False

    @property
    def holds(self) -> int:
        """Deliveries claimed whose verdict is not yet written."""
        return len(self._held)

    @property
    def can_load(self) -> bool:
        """Whether claims wait for their bodies and there is memory for some."""
        return bool(self._bare) and self._loaded < BODIES

    @property
    def waits_for_memory(self) -> bool:
        """Whether claims wait for their bodies until others are sent."""
        return bool(self._bare)

    async def claim(self, lease: Lease, limit: int, now: float) -> int:
        """Claim at most `limit` deliveries at `now`, by the daemon's clock; return how many there were."""
        await self.release_unknown(lease)
        try:
            claims = await self._threads.run(self._queue.claim, lease.id, limit)
        except SQLAlchemyError:
            self._unsure = True
            raise
        if not lease.lost:
            self._held.update((claim.delivery_id, claim.fence) for claim in claims)
            self._bare.extend(pack(claims, lease, now, self._most()))
        return len(claims)

    async def release_unknown(self, lease: Lease) -> None:
        """Give back what an earlier claim may have taken whose answer was lost: nobody here knows of it."""
        if self._unsure:
            await self._threads.run(self._queue.release_unknown, lease.id, list(self._held))
            self._unsure = False

    async def load(self) -> None:
        """Read the bodies of as many claims as memory allows, and put them on the tray."""
        parcels: list[Parcel] = []
        while self.can_load:
            parcels.append(self._bare.popleft())
            self._loaded += parcels[-1].size
        try:
            ids = {parcel.message_id for parcel in parcels}
            messages = await self._threads.run(self._queue.messages, ids)
        except SQLAlchemyError:
            self._loaded -= sum(parcel.size for parcel in parcels)
            self._bare.extendleft(reversed(parcels))
            raise
        for parcel in parcels:
            if parcel.lease.lost:
                self._forget(parcel)
            else:
                parcel.message = messages.get(parcel.message_id)
        self._tray.put(parcel for parcel in parcels if not parcel.lease.lost)

    def sent(self, parcel: Parcel) -> None:
        """Free the memory of a parcel whose sending has ended."""
        self._loaded -= parcel.size
        parcel.message = None

    def written(self, settlements: Iterable[Settlement]) -> None:
        """Forget claims whose verdicts are in the database."""
        for settlement in settlements:
            self._release(settlement.delivery_id, settlement.fence)

    def give_up(self, lease: Lease | None = None) -> list[Parcel]:
        """Take back all parcels that nobody has begun to send, or those of one lease."""
        waiting = self._tray.empty(lease)
        self._loaded -= sum(parcel.size for parcel in waiting)
        bare = [parcel for parcel in self._bare if lease is None or parcel.lease is lease]
        self._bare = deque(parcel for parcel in self._bare if parcel not in bare)
        return waiting + bare

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held: others rescue it."""
        for parcel in self.give_up(lease):
            for claim in parcel.claims:
                self._release(claim.delivery_id, claim.fence)

    def _forget(self, parcel: Parcel) -> None:
        self.sent(parcel)
        for claim in parcel.claims:
            self._release(claim.delivery_id, claim.fence)

    def _release(self, delivery_id: int, fence: int) -> None:
        if self._held.get(delivery_id) == fence:
            del self._held[delivery_id]
