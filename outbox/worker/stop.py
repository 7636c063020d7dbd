"""How the daemon is told to stop: once to drain, twice to leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE = 5.0
"""Seconds that a daemon told twice to stop still tries to write down what it knows."""


class Stop:
    """The wish to stop; `changed` is called whenever it grows stronger."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._leave = asyncio.Event()
        self.draining = False
        self.hands_over = False
        """Whether it drains only to make room for a daemon by newer settings."""

    @property
    def leaving(self) -> bool:
        """Whether nothing more is waited for."""
        return self._leave.is_set()

    def ask(self) -> None:
        """Drain: claim nothing more and finish what has begun. Asked again: leave without waiting."""
        if self.draining and not self.hands_over:
            self._leave.set()
        self.draining = True
        self.hands_over = False
        self._changed()

    def hand_over(self) -> None:
        """Drain, as another daemon of this process shall go on; to be asked then counts as the first time."""
        if not self.draining:
            self.draining = self.hands_over = True
            self._changed()

    async def wait(self, *work: asyncio.Future[None], grace: float = GRACE) -> bool:
        """Wait for `work` to end, or until told to leave and `grace` seconds more; tell whether it ended."""
        ended = asyncio.ensure_future(asyncio.wait(work))
        left = asyncio.ensure_future(self._leave.wait())
        await asyncio.wait({ended, left}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await asyncio.wait({ended}, timeout=grace)
        for waiting in (ended, left):
            waiting.cancel()
        return all(each.done() for each in work)
