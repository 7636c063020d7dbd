"""How the daemon is, for whoever asks: read on any thread, at any time, without waiting for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from outbox.worker.watch import PATIENCE, stuck

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.desks import Desks
    from outbox.worker.journaling import Journaling
    from outbox.worker.permit import Permit
    from outbox.worker.recorder import Recorder
    from outbox.worker.stop import Stop
    from outbox.worker.tally import Tally
    from outbox.worker.watch import Part


class Vitals:
    """What a daemon shows of its parts; it says itself when a turn of its loop is over.

    `parts` are those that must go on moving, the same that the watchdog is fed for.
    """

    def __init__(
        self,
        tally: Tally,
        desks: Desks,
        permit: Permit,
        journal: Journaling,
        recorder: Recorder,
        stop: Stop,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = tally
        self.desks = desks
        self.permit = permit
        self.journal = journal
        self.recorder = recorder
        self._stop = stop
        self.parts: dict[str, Part] = {}
        self._clock = clock
        self._turned_at = clock()
        self.has_looked = False
        """Whether the database has answered in any turn."""
        self.reaches_database = False

    def turned(self, *, reaches_database: bool) -> None:
        """Note that a turn is over, and whether the database answered in it."""
        self._turned_at = self._clock()
        self.reaches_database = reaches_database
        self.has_looked = self.has_looked or reaches_database

    @property
    def turn_age(self) -> float:
        """Seconds since the last turn was over; before the first one, since the daemon was made."""
        return self._clock() - self._turned_at

    def why_unhealthy(self) -> str | None:
        """Return why the process is of no use any more, or None."""
        if not (those := stuck(dict(self.parts), self._clock())):
            return None
        return f"stuck for more than {PATIENCE:.0f} s: the {', the '.join(those)}"

    def why_not_ready(self) -> str | None:
        """Return why mail that is queued now would not be looked at, or None."""
        if self._stop.draining:
            return "the daemon is stopping"
        if not self.has_looked:
            return "the daemon has not looked into the queue yet"
        if not self.reaches_database:
            return "the database does not answer"
        return self.why_unhealthy()
