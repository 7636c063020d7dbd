"""One relay's part of the daemon: what is claimed for it, who sends that, and how the relay does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox.delivery.breaker import Breaker
from outbox.delivery.dialler import Dialler
from outbox.delivery.limits import Limits
from outbox.store.breakers import Breakers
from outbox.store.buckets import Buckets
from outbox.store.gates import Gates
from outbox.worker.allowance import Allowance
from outbox.worker.lease import boot_clock
from outbox.worker.memory import Memory
from outbox.worker.outcome import Outcome
from outbox.worker.pace import Pace
from outbox.worker.room import Room
from outbox.worker.sender import Sender
from outbox.worker.supply import Supply
from outbox.worker.tray import Tray
from outbox.worker.valve import Valve

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from outbox.delivery.relay import Relay
    from outbox.store.breakers import Shared
    from outbox.store.database import Database
    from outbox.store.moves import Claim
    from outbox.store.queue import Queue
    from outbox.worker.budget import Budget
    from outbox.worker.clearance import Clearance
    from outbox.worker.holdings import Holdings
    from outbox.worker.journaling import Journaling
    from outbox.worker.lease import Lease
    from outbox.worker.options import Options
    from outbox.worker.recorder import Recorder
    from outbox.worker.tally import Tally
    from outbox.worker.threads import Threads


class Desk:
    """Claims and sends for one relay; what it shares with other desks is handed to it.

    `queue` has the shares of this relay. `clearance` says whether anything may be sent, `stray` whose a claim
    is that another relay may hold already, and `wake` lets the daemon look again.
    """

    def __init__(
        self,
        relay: Relay,
        options: Options,
        queue: Queue,
        database: Database,
        threads: Threads,
        recorder: Recorder,
        journal: Journaling,
        clearance: Clearance,
        holdings: Holdings,
        budget: Budget,
        tally: Tally,
        stray: Callable[[Claim], Desk | None],
        wake: Callable[[], None],
    ) -> None:
        self.relay = relay
        self.senders: list[asyncio.Task[None]] = []
        self._poll_interval = options.poll_interval
        self._queue = queue
        self._threads = threads
        self._journal = journal
        self._clearance = clearance
        self._holdings = holdings
        self._stray = stray
        self._wake = wake
        self._breaker = Breaker(relay.pool.connections)
        self._valve = Valve(relay.name, self._breaker, Breakers(database), threads, self._others_have_changed)
        self._pace = Pace(relay.pool.connections)
        self._allowance = Allowance(
            relay.name,
            relay.limit,
            options.streams,
            Buckets(database),
            threads,
            ready=lambda: self._tray.candidates(),  # noqa: PLW0108 - it is made below
            kinds=lambda: self._tray.kinds(),  # noqa: PLW0108 - as above
            width=self._width,
            stir=self.stir,
            give_back=lambda reason, which: self._outcome.release_waiting(reason, which),  # noqa: PLW0108 - as above
        )
        self._tray = Tray(self._width, wake, self._allowance)
        limits = Limits(relay.pipelining)
        self._memory = Memory(relay.name, limits, Gates(database), threads)
        self._dialler = Dialler(relay, limits=limits, slow=self._memory.waits)
        self._supply = Supply(
            queue,
            threads,
            holdings,
            budget,
            self._tray,
            lambda stream: min(limits.recipients, self._allowance.together(stream) or limits.recipients),
            options.diversion,
            options.sign,
            lambda claim: stray(claim) not in {None, self},
            journal.prepare,
        )
        self._outcome = Outcome(
            relay,
            options.policy,
            self._pace,
            self._breaker,
            self._memory,
            self._tray,
            self._supply,
            recorder,
            self._allowance.slow_down,
            tally,
            wake,
        )
        self._room = Room(self._width, self._breaker, self._pace, self._allowance, self._supply, self._tray)
        self._besides: list[asyncio.Task[None]] = []
        self._crew: list[Sender] = []
        self._idle = False

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What must not end before the daemon does."""
        return [*self._besides, *self.senders]

    @property
    def carrying(self) -> int:
        """Senders at work that are past connecting."""
        return self._tray.carrying

    @property
    def connections(self) -> dict[str, int]:
        """How many connections there are in each state; on any thread."""
        carrying = self._tray.carrying
        idle = sum(sender.connected for sender in self._crew) - carrying
        return {"connecting": self._tray.dialling, "sending": carrying, "idle": max(0, idle)}

    @property
    def is_open(self) -> bool:
        """Whether the relay is considered down: its breaker is open."""
        return self._breaker.is_open

    @property
    def finished(self) -> int:
        """Deliveries whose sending has ended so far."""
        return self._pace.total

    def hindrance(self, now: float) -> str | None:
        """Return why nothing goes through the relay at `now`, as what it does, or None."""
        return self._breaker.hindrance(now) or self._clearance.hindrance(self.relay.name)

    def begin(self) -> None:
        """Let the senders begin; called on the event loop."""
        self._besides = [asyncio.create_task(run()) for run in (self._memory.run, self._allowance.run)]
        self._crew = [self._sender() for _ in range(self.relay.pool.connections)]
        self.senders = [asyncio.create_task(sender.run()) for sender in self._crew]

    def end(self) -> None:
        """End what goes on beside the senders."""
        for task in self._besides:
            task.cancel()

    async def look(self, lease: Callable[[], Lease], paused: Collection[str]) -> float:
        """Load bodies of what is claimed, or claim what is not `paused`; return the seconds to wait."""
        await self._valve.tell(lease().id)
        # Also what a claim has brought that was under way when the breaker opened.
        self._give_back()
        if wanted := self._tray.wanted:
            await self._supply.announce(wanted)
        if self._supply.can_load:
            await self._supply.load()
            return 0.0
        now = self._now()
        await self._see_to_the_probe(lease(), paused, now)
        room = self._room.now(now)
        if not room:
            return min(await self._rest(lease()), self._breaker.wait(now) or self._poll_interval)
        # An idle daemon only reads; but what it has claimed without knowing is due no more, and would wait.
        if self._idle and not self._holdings.must_sweep(now) and not await self._has_due(room, paused):
            return await self._rest(lease())
        mine = lease()
        if not mine.is_valid(boot_clock()):
            return self._poll_interval
        claimed = await self._supply.claim(mine, room, now, paused, self._room.of_stream)
        self._outcome.keep(mine, claimed.kept)
        for claim in claimed.strays:
            self._send_astray(claim, mine, now)
        self._idle = not (claimed.count or claimed.unmet)
        return await self._rest(mine) if self._idle else 0.0

    async def _rest(self, lease: Lease) -> float:
        """Keep nothing that more mail was to tell of, where none is in hand; return the seconds to wait."""
        if not (self._supply.waiting or self._tray.ready or self._tray.busy):
            if not self._allowance.is_filling:
                self._outcome.settle_refusals()
            await self._valve.leave(lease.id)
        return self._poll_interval

    async def leave(self, lease: Lease) -> None:
        """Tell the other daemons, at the end of this one, what they do not know yet, and keep no probe."""
        await self._valve.leave(lease.id)

    async def _see_to_the_probe(self, lease: Lease, paused: Collection[str], now: float) -> None:
        """Have the one probe of all daemons only where it can be used at once."""
        if self._clearance.is_given(self.relay.name):
            may_ask = self._breaker.may_ask(now) and not self._valve.others_probe(lease.id)
            size = self._room.of_probe() if may_ask else 0
            if size and await self._has_due(size, paused):
                await self._valve.probe(lease.id)
        elif not self._tray.working:
            await self._valve.leave(lease.id)

    def hear(self, shared: Shared, pace: float | None, began: float) -> None:
        """Take what all daemons know of the relay, as it was read from `began` on."""
        self._allowance.hear(pace)
        self._valve.hear(shared, began)

    def _others_have_changed(self) -> None:
        self._give_back()
        self.stir()
        self._wake()

    def _give_back(self) -> None:
        if down := self._down():
            self._outcome.release_waiting(down)

    def _down(self) -> str | None:
        """Return why nothing may go through the relay, not even a probe, or None."""
        is_shut = self._breaker.is_open and not self._breaker.width(self._now())
        return f"relay {self.relay.name} is down" if is_shut else None

    def obey(self) -> None:
        """Give back what must not be sent any more."""
        pauses, name = self._clearance.pauses, self.relay.name
        self._outcome.release_waiting("paused", lambda parcel: pauses(name, parcel) is not None)
        self.stir()

    def stir(self) -> None:
        """Let the senders look again: time alone, too, may have made room for one."""
        self._tray.stir()

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held."""
        self._supply.drop(lease)

    def close(self) -> None:
        """Give back what nobody has begun to send, and let the senders end when they have finished theirs."""
        self._outcome.close()
        self._tray.close()

    def _send_astray(self, claim: Claim, lease: Lease, now: float) -> None:
        """Hand a claim to the desk whose relay may hold the mail already; where that takes none, it waits."""
        if (desk := self._stray(claim)) is not None and desk.takes(claim):
            desk.take(claim, lease, now)
        else:
            self._outcome.put_back(lease, [claim], f"relay {claim.relay} may hold it, and takes none now")

    def takes(self, claim: Claim) -> bool:
        """Tell whether this mail can go through the relay now or soon, as far as anybody knows."""
        may_go = not self._breaker.is_open and self._clearance.is_given(self.relay.name)
        return may_go and self._room.has_for(claim.stream)

    def take(self, claim: Claim, lease: Lease, now: float) -> None:
        """Send what another desk has claimed, which does not wait for this one's turn."""
        self._supply.take([claim], lease, now)
        self._wake()

    async def _has_due(self, room: int, paused: Collection[str]) -> bool:
        return await self._threads.run(
            self._queue.has_due,
            retries=self._supply.retries_room(room),
            alone=not self._holdings.alone,
            paused=paused,
            room=self._room.of_stream,
        )

    def _width(self) -> int:
        """Return how many senders may work at once."""
        return self._breaker.width(self._now()) if self._clearance.is_given(self.relay.name) else 0

    def _sender(self) -> Sender:
        name, clearance, outcome = self.relay.name, self._clearance, self._outcome
        return Sender(
            self._dialler,
            self._tray,
            self._journal,
            lambda parcel: outcome.may_begin(parcel, clearance.forbids(name, parcel) or self._down()),
            lambda parcel: clearance.may_dot(name, parcel),
            outcome.deliver,
            outcome.meet,
        )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
