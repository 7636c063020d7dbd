"""Hold bytes for a fixed time, as the length of a cable does."""

from collections import deque
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """What an asyncio loop has of a clock."""

    def time(self) -> float:
        """Return the present in seconds."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> object:
        """Call `callback` at `when`, or soon after."""


class DelayLine:
    """Deliver each chunk `delay` seconds after it was put in, in order, unaltered, none joined with another.

    Any number of chunks are under way at once: like a cable, and unlike a sleep before each chunk, it takes
    time and limits no rate. It holds without a bound what a sender has written within one delay.
    """

    def __init__(self, clock: Clock, delay: float, deliver: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._delay = delay
        self._deliver = deliver
        self._under_way: deque[tuple[float, bytes]] = deque()

    def put(self, chunk: bytes) -> None:
        """Send `chunk` on its way; empty bytes, which mean the end of a stream, travel like all others."""
        self._under_way.append((self._clock.time() + self._delay, chunk))
        # One timer serves all that is under way; a loop fires several of one instant in any order.
        if len(self._under_way) == 1:
            self._wait()

    def _wait(self) -> None:
        self._clock.call_at(self._under_way[0][0], self._arrive)

    def _arrive(self) -> None:
        now = self._clock.time()
        while self._under_way and self._under_way[0][0] <= now:
            self._deliver(self._under_way.popleft()[1])
        if self._under_way:
            self._wait()
