"""What it costs a drain to keep a journal, and to borrow a token for each mail: with and without, by turns.

The limits are far above what can pass, so nothing ever waits for its turn; what is left is the work. With a
journal it is less, as verdicts that it knows are recorded in larger groups: what both come to is told. On a
machine that others keep busy a rate changes by half from one ten seconds to the next: so there are many short
turns instead of a few long ones, of daemons that all run, and each round compares what lies close together.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.daemon import daemon
from bench.postfix import counting_sink
from bench.process import cpu_seconds
from bench.shop import shop
from bench.study import Goal, Study
from bench.wave import wave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.daemon import Daemon
    from bench.postfix import CountingSink
    from bench.shop import Shop

LIMITS = {
    "smtp_rate": "1000000/s",
    "smtp_burst": "100000",
    "streams": '{"default": {"rate": "1000000/s", "burst": 100000}}',
}
"""Settings of limits that all mail of a drain has: one of its relay, and one of its stream."""

_SHARE = 10
"""Of the mails of a drain, each turn has one in so many."""

_LEAST = 200
"""Mails of a turn, at least: fewer are recorded at one or two instants."""

_DISK = "/var/tmp"  # noqa: S108 - what is made there has a name of its own
"""Where files outlive a boot (FHS), and so stand on a disk; /tmp may be in memory."""
_PLAIN, _BOTH = "neither", "both"
# Each with whether it keeps a journal, and its limits.
_WAYS: dict[str, tuple[bool, dict[str, str]]] = {
    _PLAIN: (False, {}),
    "journal": (True, {}),
    "limits": (False, LIMITS),
    _BOTH: (True, LIMITS),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """How one way sent its mails: how many a second, and the daemon's CPU seconds for 1,000."""

    rate: float
    cpu: float


_Round = dict[str, Turn]


class _Way:
    """A daemon that runs one way, on a database and with a server of its own."""

    def __init__(self, opened: Shop, server: CountingSink, running: Daemon) -> None:
        self._shop = opened
        self._server = server
        self._running = running

    def turn(self, mails: int) -> Turn:
        """Let it send so many mails."""
        before = cpu_seconds(self._running.pid)
        sent = wave(self._shop, self._server, [self._running], mails)
        return Turn(sent.steady, (cpu_seconds(self._running.pid) - before) * 1000 / mails)


def rounds(kind: str, mails: int) -> list[_Round]:
    """Let all ways send by turns, in each of their orders once; and once before, which does not count."""
    mails = max(_LEAST, mails // _SHARE)
    with ExitStack() as stack:
        ways = {name: _opened(stack, kind, *way) for name, way in _WAYS.items()}
        orders = [tuple(ways), *permutations(ways)]
        return [{name: ways[name].turn(mails) for name in order} for order in orders][1:]


def _opened(stack: ExitStack, kind: str, journal: bool, limits: dict[str, str]) -> _Way:  # noqa: FBT001 - from the table
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outbox-bench-", dir=_DISK)))
    opened, server = stack.enter_context(shop(kind)), stack.enter_context(counting_sink())
    settings = limits | ({"state_dir": str(folder)} if journal else {})
    return _Way(opened, server, stack.enter_context(daemon(opened.url, server.port, folder, **settings)))


def share(found: list[_Round], way: str, figure: Callable[[Turn], float]) -> float:
    """Return a figure of one way, as a multiple of what it is without both: the median of the rounds."""
    return median(figure(each[way]) / figure(each[_PLAIN]) for each in found)


def _rate(turn: Turn) -> float:
    return turn.rate


def _cpu(turn: Turn) -> float:
    return turn.cpu


def _cost(found: list[_Round]) -> float:
    return 1 - share(found, _BOTH, _rate)


def _rows(found: list[_Round]) -> Iterator[tuple[str, ...]]:
    for n, each in enumerate(found, 1):
        yield f"{n}", *_cells([each], _rate, ",.0f")
    yield "median", *_cells(found, _rate, ",.0f")
    yield "CPU s / 1,000, median", *_cells(found, _cpu, ".3f")


def _cells(found: list[_Round], figure: Callable[[Turn], float], form: str) -> Iterator[str]:
    """Yield the medians of all ways, each but the first with its share of that."""
    for way in _WAYS:
        yield format(median(figure(each[way]) for each in found), form)
        if way != _PLAIN:
            yield f"{share(found, way, figure):.3f}"


JOURNAL = Study(
    "journal",
    "A drain with the journal, with limits that nothing reaches, and with both: mails/s, by turns",
    ("postgresql",),
    ("round", *(column for way in _WAYS for column in ([way] if way == _PLAIN else [way, "x neither"]))),
    rounds,
    _rows,
    (Goal("what journal and gates cost, of the drain rate", 0.10, _cost, upper=True),),
)
