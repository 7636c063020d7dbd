"""One relay's part of the daemon: what is claimed for it, who sends that, and how the relay does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox.delivery.breaker import Breaker
from outbox.delivery.dialler import Dialler
from outbox.delivery.limits import Limits
from outbox.worker.lease import boot_clock
from outbox.worker.memory import Memory
from outbox.worker.outcome import Outcome
from outbox.worker.pace import Pace
from outbox.worker.sender import Sender
from outbox.worker.supply import Supply
from outbox.worker.tray import Tray

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from outbox.mail.status import Settlement
    from outbox.store.gates import Gates
    from outbox.store.queue import Queue
    from outbox.worker.clearance import Clearance
    from outbox.worker.journaling import Journaling
    from outbox.worker.lease import Lease
    from outbox.worker.options import Options
    from outbox.worker.recorder import Recorder
    from outbox.worker.threads import Threads


class Desk:
    """Claims and sends for one relay; what it shares with other desks is handed to it.

    `clearance` says whether anything may be sent, `wake` lets the daemon look again.
    """

    def __init__(
        self,
        options: Options,
        queue: Queue,
        gates: Gates,
        threads: Threads,
        recorder: Recorder,
        journal: Journaling,
        clearance: Clearance,
        wake: Callable[[], None],
    ) -> None:
        self.relay = options.relay
        self.senders: list[asyncio.Task[None]] = []
        self._connections = options.connections
        self._poll_interval = options.poll_interval
        self._queue = queue
        self._threads = threads
        self._journal = journal
        self._clearance = clearance
        self._breaker = Breaker(options.connections)
        self._pace = Pace(options.connections)
        self._tray = Tray(self._width, wake)
        limits = Limits(options.relay.pipelining)
        self._memory = Memory(options.relay.name, limits, gates, threads)
        self._dialler = Dialler(options.relay, limits=limits, slow=self._memory.waits)
        self._supply = Supply(
            queue, threads, self._tray, lambda: limits.recipients, options.diversion, options.sign
        )
        self._outcome = Outcome(
            options.relay.name,
            options.policy,
            self._pace,
            self._breaker,
            self._memory,
            self._tray,
            self._supply,
            recorder,
            wake,
        )
        self._remembering: asyncio.Task[None]
        self._idle = False

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What must not end before the daemon does."""
        return [self._remembering, *self.senders]

    @property
    def carrying(self) -> int:
        """Senders at work that are past connecting."""
        return self._tray.carrying

    def begin(self) -> None:
        """Let the senders begin; called on the event loop."""
        self._remembering = asyncio.create_task(self._memory.run())
        self.senders = [asyncio.create_task(self._sender().run()) for _ in range(self._connections)]

    def end(self) -> None:
        """End what goes on beside the senders."""
        self._remembering.cancel()

    async def look(self, lease: Callable[[], Lease], paused: Collection[str]) -> float:
        """Load bodies of what is claimed, or claim more, where there is room; return the seconds to wait.

        Nothing of the `paused` streams is claimed.
        """
        if (parcel := self._tray.wanted) is not None:
            await self._supply.announce(parcel)
        if self._supply.can_load:
            await self._supply.load()
            return 0.0
        now = self._now()
        room = self._room(now)
        if not room:
            return min(self._poll_interval, self._breaker.wait(now) or self._poll_interval)
        # An idle daemon only reads; but what it has claimed without knowing is due no more, and would wait.
        if self._idle and not self._supply.must_sweep(now) and not await self._has_due(room, paused):
            return self._poll_interval
        mine = lease()
        if not mine.is_valid(boot_clock()):
            return self._poll_interval
        claimed, kept = await self._supply.claim(mine, room, now, paused)
        self._outcome.keep(mine, kept)
        self._idle = not claimed
        return self._poll_interval if self._idle else 0.0

    def obey(self) -> None:
        """Give back what must not be sent any more."""
        name = self.relay.name
        self._outcome.release_waiting(
            "paused", lambda parcel: self._clearance.pauses(name, parcel) is not None
        )
        self.stir()

    def stir(self) -> None:
        """Let the senders look again: time alone, too, may have made room for one."""
        self._tray.stir()

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held."""
        self._supply.drop(lease)

    def close(self) -> None:
        """Give back what nobody has begun to send, and let the senders end when they have finished theirs."""
        self._outcome.release_waiting("the daemon stops")
        self._tray.close()

    def written(self, settlements: Sequence[Settlement]) -> None:
        """Let go of what the recorder has written."""
        self._outcome.written(settlements)

    def refused(self, settlement: Settlement) -> None:
        """Wait no more for what the database refuses to take from the recorder."""
        self._outcome.refused(settlement)

    async def release_unknown(self, lease: Lease) -> None:
        """Give back what was claimed without anybody's knowing."""
        await self._supply.release_unknown(lease)

    async def _has_due(self, room: int, paused: Collection[str]) -> bool:
        return await self._threads.run(
            self._queue.has_due,
            retries=self._supply.retries_room(room),
            alone=not self._supply.holds_alone,
            paused=paused,
        )

    def _room(self, now: float) -> int:
        """Return how many deliveries to claim: none while nothing may be sent, or enough is in hand."""
        if not self._width():
            return 0
        if self._breaker.is_open:
            # The probe: one mail, when there is none in hand that could be it.
            return 0 if self._tray.busy or self._supply.waiting else 1
        size = self._pace.claim_size(now)
        return size if self._supply.has_room(size) else 0

    def _width(self) -> int:
        """Return how many senders may work at once."""
        return self._breaker.width(self._now()) if self._clearance.is_given(self.relay.name) else 0

    def _sender(self) -> Sender:
        name, clearance, outcome = self.relay.name, self._clearance, self._outcome
        return Sender(
            self._dialler,
            self._tray,
            self._journal,
            lambda parcel: outcome.may_begin(parcel, clearance.forbids(name, parcel)),
            lambda parcel: clearance.may_dot(name, parcel),
            outcome.deliver,
            outcome.fault,
        )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
