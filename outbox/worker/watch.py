"""Tell the service manager how the daemon does, and that it lives as long as every part of it moves.

A part says by when it moves next at the latest: the loop when its rest is over, the heartbeat at its next
beat, the recorder at once while verdicts wait. To fail is to move, too: each call of a database that is away
ends by its deadline, and to be restarted would help no mail.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outbox.worker.notify import Notifier

EVERY = 2.0
"""Seconds between two looks."""

PATIENCE = 60.0
"""Seconds that a part may be late: more than all that it asks a silent database for may take."""


class Part(Protocol):
    """What must go on moving."""

    moves_by: float
    """By the loop's clock when it moves next at the latest; infinite where nothing is expected of it."""


class Watch:
    """Looks after the `parts` of one daemon.

    `status` gives the line to be shown at a time by that clock, `besides` is done with each look. That the
    event loop turns shows by the looks themselves.
    """

    def __init__(
        self,
        notifier: Notifier,
        parts: Mapping[str, Part],
        status: Callable[[float], str],
        besides: Callable[[], None],
    ) -> None:
        self._notifier = notifier
        self._parts = parts
        self._status = status
        self._besides = besides
        self._stuck: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Look until cancelled, at least twice within what the watchdog waits for a word."""
        interval = self._notifier.interval
        pause = EVERY if interval is None else min(EVERY, interval / 2)
        while True:
            self.look(asyncio.get_running_loop().time())
            await asyncio.sleep(pause)

    def look(self, now: float) -> None:
        """Feed the watchdog, unless a part is stuck, and show how things stand."""
        self._besides()
        stuck = frozenset(name for name, part in self._parts.items() if now - part.moves_by > PATIENCE)
        for part in sorted(stuck - self._stuck):
            events.part_stuck(part, PATIENCE)
        self._stuck = stuck
        if not stuck:
            self._notifier.watchdog()
        if self._notifier.listens:
            self._notifier.status(self._status(now))
