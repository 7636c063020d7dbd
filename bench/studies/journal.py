"""What it costs a drain to keep a journal, and to borrow a token for each mail: with and without, by turns.

The limits are far above what can pass, so nothing ever waits for its turn; what is left is the work.
"""

from __future__ import annotations

import tempfile
from statistics import median
from typing import TYPE_CHECKING

from bench.drain import drain
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.run import Run

LIMITS = {
    "smtp_rate": "1000000/s",
    "smtp_burst": "100000",
    "streams": '{"default": {"rate": "1000000/s", "burst": 100000}}',
}
"""Settings of limits that all mail of a drain has: one of its relay, and one of its stream."""

_ROUNDS = 5
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
_Round = dict[str, "Run"]


def rounds(kind: str, mails: int) -> list[_Round]:
    """Let all ways drain by turns, in each round another one first."""
    names = list(_WAYS)
    orders = [names[n % len(names) :] + names[: n % len(names)] for n in range(_ROUNDS)]
    return [{name: _drained(kind, mails, *_WAYS[name]) for name in order} for order in orders]


def _drained(kind: str, mails: int, journal: bool, limits: dict[str, str]) -> Run:  # noqa: FBT001 - from the table
    with tempfile.TemporaryDirectory(prefix="outbox-bench-", dir=_DISK) as folder:
        return drain(kind, mails, **limits, **({"state_dir": folder} if journal else {}))


def share(found: list[_Round], way: str, figure: Callable[[Run], float]) -> float:
    """Return a figure of one way, as a multiple of what it is without both: the median of the rounds."""
    return median(figure(each[way]) / figure(each[_PLAIN]) for each in found)


def _rate(run: Run) -> float:
    return run.rate


def _cpu(run: Run) -> float:
    return run.cpu_per_thousand


def _cost(found: list[_Round]) -> float:
    return 1 - share(found, _BOTH, _rate)


def _rows(found: list[_Round]) -> Iterator[tuple[str, ...]]:
    for n, each in enumerate(found, 1):
        yield f"{n}", *_cells([each], _rate, ",.0f")
    yield "median", *_cells(found, _rate, ",.0f")
    yield "CPU s / 1,000, median", *_cells(found, _cpu, ".3f")


def _cells(found: list[_Round], figure: Callable[[Run], float], form: str) -> Iterator[str]:
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
