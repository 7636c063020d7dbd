"""Keep the breaker of one relay and its gate row alike, so that all daemons leave it alone and probe it once.

What happens here is written by the next turn of the desk; what others wrote is heard with every look at what
is allowed. While the database is away the breaker goes on alone: its news wait.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, assert_never

from outbox import events
from outbox.delivery.breaker import PROBE, News
from outbox.store.breakers import Shared

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from outbox.delivery.breaker import Breaker
    from outbox.store.breakers import Breakers
    from outbox.worker.threads import Threads


class Valve:
    """The shared breaker of the relay `name`; `changed` is called when others have opened or closed it."""

    def __init__(
        self, name: str, breaker: Breaker, breakers: Breakers, threads: Threads, changed: Callable[[], None]
    ) -> None:
        self._name = name
        self._breaker = breaker
        self._breakers = breakers
        self._threads = threads
        self._changed = changed
        self._seen = Shared()
        # By the loop's clock: when we wrote last, and until when another daemon has the probe.
        self._told_at = 0.0
        self._probed_until = 0.0

    def hear(self, shared: Shared, began: float) -> None:
        """Do as all daemons do, by what was read from `began` on; what is older than our word is not news."""
        if self._breaker.news is not None or began < self._told_at:
            return
        self._seen = shared
        now = self._now()
        self._probed_until = now + shared.probe_for
        if self._breaker.adopt(shared.open_for, shared.waits, now):
            if self._breaker.is_open:
                events.relay_down(self._name, self._breaker.wait(now))
            else:
                events.relay_back(self._name)
            self._changed()

    async def tell(self, me: UUID) -> None:
        """Write what the other daemons do not know yet; `me` is this session."""
        news, wait = self._breaker.news, self._breaker.wait(self._now())
        breakers, name, seen = self._breakers, self._name, self._seen.waits
        match news:
            case None:
                return
            case News.OPENED:
                # Where it was another daemon's opening that is closed later, this one is not refuted.
                if await self._threads.run(breakers.open, name, wait, seen=seen):
                    self._breaker.opened_for_all()
            case News.FAILED:
                await self._threads.run(breakers.failed, name, me, wait)
            case News.LEFT:
                await self._threads.run(breakers.leave, name, me)
            case News.CLOSED:
                await self._threads.run(breakers.close, name, seen=seen)
            case News.RECOVERED:
                await self._threads.run(breakers.forget, name)
            case _:
                assert_never(news)
        if self._breaker.news is news:
            self._breaker.news = None
        await self._look()

    def others_probe(self, me: UUID) -> bool:
        """Tell whether another daemon has the probe, as far as is known here."""
        return self._seen.prober != me and self._now() < self._probed_until

    async def probe(self, me: UUID) -> bool:
        """Ask for the one probe of the relay; tell whether it is ours."""
        began = self._now()
        if self.others_probe(me):
            return False
        if await self._threads.run(self._breakers.probe, self._name, me, PROBE):
            self._breaker.take_probe(began)
            events.relay_probed(self._name)
            return True
        await self._look()
        return False

    async def leave(self, me: UUID) -> None:
        """Let another daemon probe, as nothing is tried here now; what else is news is told with it."""
        self._breaker.leave_probe()
        await self.tell(me)

    async def _look(self) -> None:
        self._told_at = self._now()
        self.hear(await self._threads.run(self._breakers.read, self._name), self._told_at)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
