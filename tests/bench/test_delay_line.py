"""The delay line, on a clock that only a test moves."""

from collections.abc import Callable

import pytest

from bench.delay_line import DelayLine

ONE_WAY = 10


class Clock:
    """An asyncio loop's clock, in milliseconds; timers of one instant fire in any order, as a loop's may."""

    def __init__(self) -> None:
        self.now = 0.0
        self.early = 0.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> None:
        # The latest first: a line that trusts timers of one instant to keep their order is found out.
        self._timers.insert(0, (max(self.now, when - self.early), callback))
        self.early = 0.0

    def run(self, until: float) -> None:
        """Fire what is due until then, each timer at its own instant."""
        while due := [when for when, _ in self._timers if when <= until]:
            self.now = max(self.now, min(due))
            n = next(n for n, (when, _) in enumerate(self._timers) if when <= self.now)
            self._timers.pop(n)[1]()
        self.now = until


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrived() -> list[tuple[float, bytes]]:
    return []


@pytest.fixture
def line(clock: Clock, arrived: list[tuple[float, bytes]]) -> DelayLine:
    return DelayLine(clock, ONE_WAY, lambda chunk: arrived.append((clock.now, chunk)))


def test_a_chunk_arrives_one_delay_after_it_was_sent(
    line: DelayLine, clock: Clock, arrived: list[tuple[float, bytes]]
) -> None:
    line.put(b"EHLO")
    clock.run(until=9)
    assert arrived == []
    clock.run(until=30)
    assert arrived == [(10, b"EHLO")]


def test_a_line_holds_any_number_of_chunks_at_once_and_none_waits_for_another(
    line: DelayLine, clock: Clock, arrived: list[tuple[float, bytes]]
) -> None:
    for n in range(5):
        clock.run(until=n)
        line.put(b"%d" % n)
    clock.run(until=30)
    assert arrived == [(10, b"0"), (11, b"1"), (12, b"2"), (13, b"3"), (14, b"4")]


def test_chunks_of_one_instant_keep_their_order_and_their_bounds(
    line: DelayLine, clock: Clock, arrived: list[tuple[float, bytes]]
) -> None:
    for chunk in (b"MAIL", b"RCPT", b"DATA", b""):
        line.put(chunk)
    clock.run(until=30)
    assert arrived == [(10, b"MAIL"), (10, b"RCPT"), (10, b"DATA"), (10, b"")]


def test_a_line_that_ran_empty_takes_the_next_chunk(
    line: DelayLine, clock: Clock, arrived: list[tuple[float, bytes]]
) -> None:
    line.put(b"first")
    clock.run(until=50)
    line.put(b"second")
    clock.run(until=100)
    assert arrived == [(10, b"first"), (60, b"second")]


def test_a_timer_that_fires_a_little_early_delivers_nothing_early(
    line: DelayLine, clock: Clock, arrived: list[tuple[float, bytes]]
) -> None:
    # asyncio fires what is due within its clock's resolution.
    clock.early = 0.5
    line.put(b"QUIT")
    clock.run(until=9.75)
    assert arrived == []
    clock.run(until=30)
    assert arrived == [(10, b"QUIT")]
