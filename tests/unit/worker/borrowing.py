"""An allowance at a tray, with senders that take what goes, and buckets that lend by the loop's clock."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from sqlalchemy.exc import OperationalError

from outbox.mail.rate import ANY, Bucket, Demand, Grant, Limit, grant
from outbox.mail.stream import Stream, Streams
from outbox.store.buckets import Gate
from outbox.store.schema import GateKind
from outbox.worker.allowance import Allowance
from outbox.worker.parcel import Parcel
from outbox.worker.tray import Tray
from tests.unit.worker.held import NoThreads, claim, parcel, run

MX = Gate(GateKind.RELAY, "mx")
BULK = Gate(GateKind.STREAM, "bulk")


class Buckets:
    """Lends by the rules, with the loop's clock for the database's; notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, dict[Gate, Demand]]] = []
        self.slowed: list[float] = []
        self.failing = False
        self._rows: dict[Gate, tuple[Grant, float]] = {}

    def borrow(self, wanted: Mapping[Gate, tuple[Limit, Demand]]) -> dict[Gate, Grant]:
        if self.failing:
            raise OperationalError("UPDATE", {}, Exception("gone away"))
        now = asyncio.get_running_loop().time()
        self.asked.append((now, {gate: demand for gate, (_, demand) in wanted.items()}))
        for gate, (limit, demand) in wanted.items():
            before, at = self._rows.get(gate, (Grant(0, None, 0), now))
            bucket = Bucket(before.tokens, now - at, before.used, 3600.0)
            self._rows[gate] = grant(limit, bucket, demand), now
        return {gate: self._rows[gate][0] for gate in wanted}

    def slow_down(self, _relay: str, _limit: Limit, passing: float) -> float:
        self.slowed.append(passing)
        return passing / 2


_AT_ONCE = NoThreads()


class Scene:
    """An allowance of the relay `mx` at a tray, and senders that take what goes, as soon as it does."""

    def __init__(
        self, limit: Limit = ANY, senders: int = 4, threads: Any = _AT_ONCE, **streams: Limit
    ) -> None:
        self.buckets = Buckets()
        self.given_back: list[str] = []
        self.sent: list[tuple[float, int]] = []
        known = {name: Stream(limit=each) for name, each in streams.items()}
        buckets: Any = self.buckets
        self.allowance = Allowance(
            "mx",
            limit,
            Streams(known),
            buckets,
            threads,
            ready=lambda: self.tray.candidates(),  # noqa: PLW0108 - it is made below
            kinds=lambda: self.tray.kinds(),  # noqa: PLW0108 - as above
            width=lambda: senders,
            stir=lambda: self.tray.stir(),  # noqa: PLW0108 - as above
            give_back=self._give_back,
        )
        self.tray = Tray(lambda: senders, lambda: None, self.allowance)

    def _give_back(self, reason: str, which: Callable[[Parcel], bool]) -> None:
        self.given_back.append(reason)
        self.tray.empty(which)

    def put(self, *streams: str, size: int = 1) -> None:
        self.tray.put(
            parcel(*(claim(10 * n + m, stream=stream) for m in range(size)))
            for n, stream in enumerate(streams, start=1)
        )

    async def _send(self) -> None:
        while True:
            if self.tray.enter(connected=True):
                while (one := self.tray.take()) is not None:
                    self.sent.append((asyncio.get_running_loop().time(), len(one.claims)))
                    self.tray.done(one)
                self.tray.leave()
            await self.tray.changed(connected=True)

    def during(self, seconds: float, work: Coroutine[Any, Any, None] | None = None) -> "Scene":
        """Borrow and send for so long."""
        run(self.lasting(seconds, work))
        return self

    async def lasting(self, seconds: float, work: Coroutine[Any, Any, None] | None = None) -> None:
        """Do that on the loop, beside others."""
        tasks = [asyncio.create_task(each) for each in (self.allowance.run(), self._send())]
        if work is not None:
            await work
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def recipients(self) -> int:
        return sum(count for _, count in self.sent)


def filled(scene: Scene, *streams: str, size: int = 1) -> Coroutine[Any, Any, None]:
    async def work() -> None:
        scene.put(*streams, size=size)

    return work()
