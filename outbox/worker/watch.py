"""Tell the service manager how the daemon does, and that it lives as long as every part of it moves.

A part says by when it moves next at the latest: the loop when its rest is over, the heartbeat at its next
beat, the recorder at once while verdicts wait, and this watch itself, by which the event loop turns. To fail
is to move, too: each call of a database that is away ends by its deadline, and to be restarted would help no
mail.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from outbox.worker.notify import Notifier

T = TypeVar("T")

EVERY = 2.0
"""Seconds between two looks."""

PATIENCE = 120.0
"""Seconds that a part may be late: a slow database may keep each of its dozen statements for ten."""


class Part(Protocol):
    """What must go on moving."""

    moves_by: float
    """By the loop's clock when it moves next at the latest; infinite where nothing is expected of it."""


def stuck(parts: Mapping[str, Part], now: float) -> list[str]:
    """Return which of these do not move, by their names."""
    return sorted(name for name, part in parts.items() if now - part.moves_by > PATIENCE)


class Watch:
    """Looks after the `parts` of one daemon, of which it is one.

    `status` gives the line to be shown at a time by that clock, `besides` is done with each look.
    """

    def __init__(
        self,
        notifier: Notifier,
        parts: Mapping[str, Part],
        status: Callable[[float], str],
        besides: Callable[[], None] = lambda: None,
    ) -> None:
        self._notifier = notifier
        self._parts = parts
        self._status = status
        self._besides = besides
        self._stuck: list[str] = []
        self.moves_by = math.inf

    async def run(self) -> None:
        """Look until cancelled, at least twice within what the watchdog waits for a word."""
        interval = self._notifier.interval
        pause = EVERY if interval is None else min(EVERY, interval / 2)
        while True:
            now = asyncio.get_running_loop().time()
            self.moves_by = now + pause
            self.look(now)
            await asyncio.sleep(pause)

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Look until `work` has ended, and return what it returns."""
        watching = asyncio.create_task(self.run())
        try:
            return await work
        finally:
            watching.cancel()

    def look(self, now: float) -> None:
        """Feed the watchdog, unless a part is stuck, and show how things stand."""
        self._besides()
        before, self._stuck = self._stuck, stuck(self._parts, now)
        for part in self._stuck:
            if part not in before:
                events.part_stuck(part, PATIENCE)
        if not self._stuck:
            self._notifier.watchdog()
        if self._notifier.listens:
            self._notifier.status(self._status(now))
