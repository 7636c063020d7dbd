"""How the daemon is, for whoever asks: read on any thread, at any time, without waiting for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.desks import Desks
    from outbox.worker.journaling import Journaling
    from outbox.worker.permit import Permit
    from outbox.worker.recorder import Recorder
    from outbox.worker.stop import Stop
    from outbox.worker.tally import Tally

STUCK = 120.0
"""Seconds without a turn, beyond the poll interval, after which the daemon is stuck.

A database that falls silent may keep a turn for ten seconds a statement, which is no reason to be killed.
"""


class Vitals:
    """What a daemon shows of its parts; it says itself when a turn of its loop is over."""

    def __init__(
        self,
        tally: Tally,
        desks: Desks,
        permit: Permit,
        journal: Journaling,
        recorder: Recorder,
        stop: Stop,
        poll_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = tally
        self.desks = desks
        self.permit = permit
        self.journal = journal
        self.recorder = recorder
        self._stop = stop
        self._patience = poll_interval + STUCK
        self._clock = clock
        self._turned_at = clock()
        self._has_looked = False
        self.reaches_database = False

    def turned(self, *, reaches_database: bool) -> None:
        """Note that a turn is over, and whether the database answered in it."""
        self._turned_at = self._clock()
        self.reaches_database = reaches_database
        self._has_looked = self._has_looked or reaches_database

    @property
    def turn_age(self) -> float:
        """Seconds since the last turn was over; before the first one, since the daemon was made."""
        return self._clock() - self._turned_at

    def why_unhealthy(self) -> str | None:
        """Return why the process is of no use any more, or None."""
        # A drain takes no turns, and may wait ten minutes for the answer to a dot.
        if self._stop.draining or self.turn_age <= self._patience:
            return None
        return f"no turn of the loop was over for {self.turn_age:.0f} s"

    def why_not_ready(self) -> str | None:
        """Return why mail that is queued now would not be looked at, or None."""
        if self._stop.draining:
            return "the daemon is stopping"
        if not self._has_looked:
            return "the daemon has not looked into the queue yet"
        if not self.reaches_database:
            return "the database does not answer"
        return self.why_unhealthy()
