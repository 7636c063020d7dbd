"""What this daemon holds of the queue, for whichever relay: claims whose verdict is not written."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from outbox.mail.status import Lane
from outbox.store.batches import FEW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from outbox.mail.status import Settlement
    from outbox.store.moves import Claim
    from outbox.store.queue import Queue
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads

SWEEP = 60.0
"""Seconds between two looks for claims that nobody here knows: a server may finish one that we gave up."""


class Holdings:
    """Each delivery in hand, by its id: no desk claims beside it what must not go beside it.

    `freed` is called when another rescued delivery may be claimed.
    """

    def __init__(self, queue: Queue, threads: Threads, freed: Callable[[], None] = lambda: None) -> None:
        self._queue = queue
        self._threads = threads
        self._freed = freed
        # Each delivery in hand: the same one may be claimed again before its release is known.
        self._held: dict[int, Claim] = {}
        # Of these, the ones that no verdict was given on.
        self._sending: dict[int, int] = {}
        # Ours, too, with a verdict that the database refuses: no rescued mail waits for it.
        self._refused: dict[int, int] = {}
        # The last that were claimed of a database that has not gone back since.
        self._claimed: deque[Claim] = deque(maxlen=FEW)
        self._alone: int | None = None
        self._unsure = False
        self._swept_at = 0.0
        self.lapsed_at = -inf
        """When the database was last found to have gone back in time, by the clock of claims."""

    def __len__(self) -> int:
        """Return how many deliveries were claimed whose verdict is not yet written."""
        return len(self._held)

    @property
    def alone(self) -> bool:
        """Whether a rescued delivery is in hand: another one is claimed only after it."""
        return self._alone is not None

    @property
    def recipients(self) -> Mapping[int, str]:
        """Who gets what is in hand, by the ids of the deliveries."""
        return {id_: one.recipient for id_, one in self._held.items() if not one.objection}

    @property
    def claimed(self) -> list[Claim]:
        """The last of the claims in hand that the database must know."""
        return [claim for claim in self._claimed if self._held.get(claim.delivery_id) is claim]

    def lapse(self, now: float) -> None:
        """Note that the database went back in time: it need not know what was claimed before `now`."""
        self._claimed.clear()
        self.lapsed_at = now

    def must_sweep(self, now: float) -> bool:
        """Tell whether the next claim first looks for those that nobody here knows."""
        return self._unsure or now - self._swept_at >= SWEEP

    def doubt(self) -> None:
        """Note that the answer to a claim was lost: it may have taken what nobody here knows."""
        self._unsure = True

    async def sweep(self, lease: Lease, now: float) -> None:
        """Give back what nobody here knows, if it is time for that."""
        if self.must_sweep(now):
            await self.release_unknown(lease)
            self._swept_at = now

    async def release_unknown(self, lease: Lease) -> None:
        """Give back what an earlier claim may have taken whose answer was lost: nobody here knows of it."""
        known = [*self._held, *self._refused]
        await self._threads.run(self._queue.release_unknown, lease.id, known)
        self._unsure = False

    def add(self, claims: Sequence[Claim]) -> list[Claim]:
        """Take what was claimed; return those that may be sent.

        Not what there is an objection to, nor what this process still sends under an older claim, which it
        had lost. Whoever has sent a mail to its last byte, and waits for the answer, must not send it beside.
        """
        new = [claim for claim in claims if not (claim.objection or claim.delivery_id in self._sending)]
        rescued = (claim.delivery_id for claim in new if claim.lane is Lane.ALONE)
        self._alone = next(rescued, self._alone)
        # What is objected to is ours, too, until that is written.
        self._held.update((claim.delivery_id, claim) for claim in claims if claim.objection)
        self._held.update((claim.delivery_id, claim) for claim in new)
        self._claimed.extend(new)
        self._sending.update((claim.delivery_id, claim.fence) for claim in new)
        return new

    def end(self, claims: Iterable[Claim]) -> None:
        """Note that the sending of these has ended, or was never begun."""
        for claim in claims:
            if self._sending.get(claim.delivery_id) == claim.fence:
                del self._sending[claim.delivery_id]

    def forget(self, claims: Iterable[Claim]) -> None:
        """Let go of these: others have them, or their verdicts are written."""
        for claim in claims:
            self._release(claim.delivery_id, claim.fence)

    def drop_refused(self) -> None:
        """Forget what the database refuses: its session is lost, others rescue it."""
        self._refused.clear()

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

    def _release(self, delivery_id: int, fence: int) -> None:
        if self._sending.get(delivery_id) == fence:
            del self._sending[delivery_id]
        if (held := self._held.get(delivery_id)) is not None and held.fence == fence:
            del self._held[delivery_id]
            if delivery_id == self._alone:
                self._alone = None
                self._freed()
