"""Where each lane's next scan begins, so that a claim costs the same however much was sent before it.

The database cleans an index only when no old snapshot may still want what is in it. A report, a dump or a
forgotten session holds one for hours; meanwhile every scan from the left edge of the queue would walk over
all that was sent since. So a scan begins a little before the last delivery that was claimed, and only now and
then at the left edge, for what came in behind: late commits, rescues and releases of other daemons.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from outbox.mail.status import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


EVERY = 10.0
"""Seconds between two scans of a lane from its left edge."""

MARGIN = timedelta(seconds=5)
"""How far before the last claimed delivery a scan begins: most transactions commit sooner than this."""

LEFT = datetime(1970, 1, 1, tzinfo=UTC)
"""The left edge: nothing is due since before."""


@dataclass(frozen=True, slots=True)
class Look:
    """Where one claim begins to scan each lane; `turn` changes when something is put back meanwhile."""

    floors: Mapping[Lane, datetime]
    turn: object

    @property
    def is_whole(self) -> bool:
        """Whether any lane but that of the rescued is scanned from its left edge."""
        return LEFT in {floor for lane, floor in self.floors.items() if lane is not Lane.ALONE}


class Lanes:
    """What one daemon remembers of the lanes; `clock` is steady, in seconds. Safe for several threads.

    Instants are the database's own and go back to it: no host's clock is compared with them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._floors: dict[Lane, datetime] = {}
        self._whole_at: dict[Lane, float] = {}
        self._turn = object()

    def look(self) -> Look:
        """Return where a claim begins now. There are few rescued ones: theirs begins at the left edge."""
        now = self._clock()
        with self._lock:
            floors = {
                lane: self._floors.get(lane, LEFT) if now < self._whole_at.get(lane, now) else LEFT
                for lane in Lane
            }
            return Look(floors | {Lane.ALONE: LEFT}, self._turn)

    def found(self, look: Look, lane: Lane, seen: Collection[datetime]) -> None:
        """Note that a scan of `lane` has `seen` deliveries due at these instants, and claimed them.

        Where it claimed all that were due, the instant of the scan itself is one of those.
        """
        with self._lock:
            if look.turn is not self._turn or lane is Lane.ALONE:
                return
            floors = [instant - MARGIN for instant in seen]
            if look.floors[lane] != LEFT:
                self._floors[lane] = max([self._floors.get(lane, LEFT), *floors])
                return
            self._whole_at[lane] = self._clock() + EVERY
            if floors:
                # Even if that is far back: more may have come in behind than one claim takes, or the
                # database's clock was set.
                self._floors[lane] = max(floors)

    def forget(self) -> None:
        """Begin at the left edge: something older was put back."""
        with self._lock:
            self._turn = object()
            self._whole_at.clear()
