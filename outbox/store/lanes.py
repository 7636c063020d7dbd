"""Which lines have mail, and where each one's next scan begins.

A line is one lane of one stream: what is claimed together, in the order of its due times. A look at the left
edge of every line finds new streams, late commits, and what was put back. It costs little however much waits,
but for one trap: the database cleans an index only when no old snapshot may still want what is in it. A
report, a dump or a forgotten session holds one for hours, and meanwhile a look walks over all that was sent
since. So looks take a twentieth of the time at most; between them a scan begins a little before the last
delivery that was claimed of its line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from outbox.mail.share import MOST
from outbox.mail.status import Lane
from outbox.mail.stream import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

COST = 20
"""A look is followed by a pause of so many times what it took: it takes a twentieth of the time."""

SHORTEST, LONGEST = 0.1, 10.0
"""Seconds between two looks, at least and at most."""

MARGIN = timedelta(seconds=5)
"""How far before the last claimed delivery a scan begins: most transactions commit sooner than this."""

LEFT = datetime(1970, 1, 1, tzinfo=UTC)
"""The left edge: nothing is due since before."""

_REMEMBERED = 1000


class Line(NamedTuple):
    """One lane of one stream."""

    stream: str
    lane: Lane


class Edge(NamedTuple):
    """What a look found of one line: when its oldest pending delivery is due, and whether that is now."""

    line: Line
    oldest: datetime
    is_due: bool


@dataclass(frozen=True, slots=True)
class Look:
    """How the next claim begins: with a look at all lines, if `is_whole`, else with those of known `streams`.

    `floors` tells where the scan of each line begins; `turn` changes when something is put back.
    """

    is_whole: bool
    streams: tuple[str, ...]
    floors: dict[Line, datetime]
    turn: object

    def lines(self) -> list[Line]:
        """Return all lines of the known streams."""
        return [Line(stream, lane) for stream in self.streams for lane in Lane]

    def floor(self, line: Line) -> datetime:
        """Return where the scan of a line begins; there are few rescued ones, so theirs at the left edge."""
        return LEFT if line.lane is Lane.ALONE else self.floors.get(line, LEFT)


class Lanes:
    """What one daemon remembers of the lines; `clock` is steady, in seconds. Safe for several threads.

    `ours` tells which streams it may ever serve: others would only crowd these out.
    Instants are the database's own and go back to it: no host's clock is compared with them.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, ours: Callable[[str], bool] = lambda _: True
    ) -> None:
        self._clock = clock
        self._ours = ours
        self._lock = Lock()
        self._floors: dict[Line, datetime] = {}
        # Those that had mail last stand at the end.
        self._streams = {DEFAULT: True}
        # Those that the last look found with due mail and that no claim has tried since.
        self._waiting: dict[str, bool] = {}
        self._look_at = 0.0
        self._took = 0.0
        self._turn = object()

    @property
    def clock(self) -> Callable[[], float]:
        """The clock by which a look is timed."""
        return self._clock

    def look(self, serves: Callable[[str], bool] = lambda _: True) -> Look:
        """Return how a claim from the streams that `serves` tells of begins now."""
        with self._lock:
            known = dict.fromkeys([*self._waiting, *reversed(self._streams)])
            streams = tuple(islice(filter(serves, known), MOST))
            floors = {
                line: self._floors[line]
                for stream in streams
                for lane in Lane
                if (line := Line(stream, lane)) in self._floors
            }
            return Look(self._clock() >= self._look_at, streams, floors, self._turn)

    def found(self, look: Look, edges: Collection[Edge], now: datetime, took: float) -> None:
        """Note what a look at all lines has found at `now`, the database's instant, in `took` seconds."""
        with self._lock:
            if look.turn is not self._turn:
                return
            # One look that is slow by itself, as the first is, must not keep a new stream waiting.
            steady, self._took = min(took, self._took), took
            self._look_at = self._clock() + min(max(COST * steady, SHORTEST), LONGEST)
            # Also where nothing waits: what comes next is not due since long before.
            edges = [edge for edge in edges if self._ours(edge.line.stream)]
            known = [Line(stream, lane) for stream in self._streams for lane in Lane]
            floors = dict.fromkeys(known, now - MARGIN)
            floors |= {edge.line: min(edge.oldest, now) - MARGIN for edge in edges}
            self._waiting = {edge.line.stream: True for edge in edges if edge.is_due}
            for stream in self._waiting:
                self._remember(stream)
            self._floors = {line: floor for line, floor in floors.items() if line.stream in self._streams}

    def claimed(self, look: Look, line: Line, dues: Collection[datetime]) -> None:
        """Note the due times of what a scan claimed of a line: the next begins a little before the last."""
        with self._lock:
            self._waiting.pop(line.stream, None)
            if look.turn is self._turn and dues:
                self._remember(line.stream)
                self._floors[line] = max(self._floors.get(line, LEFT), max(dues) - MARGIN)

    def _remember(self, stream: str) -> None:
        self._streams.pop(stream, None)
        self._streams[stream] = True
        if len(self._streams) > _REMEMBERED:
            del self._streams[next(iter(self._streams))]

    def forget(self) -> None:
        """Look at all lines before the next claim: something older was put back."""
        with self._lock:
            self._turn = object()
            self._look_at = self._clock()
