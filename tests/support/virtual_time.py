"""An event loop whose clock stands still while anything happens, and jumps when nothing does.

A timeout of ten minutes costs nothing, and no trial can depend on how busy the machine is. It serves only
what lives in this loop alone, over socket pairs of the Unix family, whose bytes are there at once.
"""

import asyncio
import selectors


class StuckError(Exception):
    """Everybody waits, and no clock will ever wake anybody."""


class _Selector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise StuckError("everybody waits for somebody else")
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time` is in seconds since its beginning."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now
