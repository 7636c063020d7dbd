"""How the daemon is told to stop: once to drain, twice to leave."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Stop:
    """The wish to stop; `changed` is called whenever it grows stronger."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.draining = False
        self.leaving = False

    def ask(self) -> None:
        """Drain: claim nothing more and finish what has begun. Asked again: leave without waiting."""
        self.leaving = self.draining
        self.draining = True
        self._changed()

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask on SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ask)
