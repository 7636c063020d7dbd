"""The line by which a daemon says how it does: what is queued, and what goes through each relay."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from outbox import events
from outbox.store.depth import depths, words
from outbox.worker.backoff import backoff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.store.database import Database
    from outbox.store.depth import Depth
    from outbox.worker.desk import Desk
    from outbox.worker.desks import Desks
    from outbox.worker.stop import Stop

COUNT_EVERY = 10.0
"""Seconds between two counts of what is queued, at least."""

_COUNTING = 20
"""How many times longer than a count took it is until the next one, at least."""

_WHOLE = 10.0
"""Mails a second from which on their tenths are not shown."""


class Report:
    """Makes the line of the daemon that has these `desks`; a relay's pace is that since the line before."""

    def __init__(self, database: Database, desks: Desks, stop: Stop) -> None:
        self._database = database
        self._desks = desks
        self._stop = stop
        self.failures = 0
        """Turns of the loop in a row that the database has failed."""
        self._depths: Sequence[Depth] | None = None
        self._count_at = 0.0
        self._since: float | None = None
        self._finished: dict[str, int] = {}

    def failed(self, error: Exception) -> float:
        """Note that the database has failed a turn; return the seconds until the next one."""
        self.failures += 1
        wait = backoff(self.failures, random.random())  # noqa: S311 - jitter
        events.database_unavailable(error, wait)
        return wait

    def succeeded(self) -> None:
        """Note that the database has answered a turn."""
        if self.failures:
            self.failures = 0
            events.database_back()

    def count(self) -> None:
        """Count what is queued, unless that takes much of the database's time; called in a thread."""
        began = time.monotonic()
        if began < self._count_at:
            return
        try:
            self._depths = self._database.read(depths)
        finally:
            self._count_at = began + (time.monotonic() - began) * _COUNTING

    def line(self, now: float) -> str:
        """Return the line at `now`, by the loop's clock."""
        elapsed = None if self._since is None else now - self._since
        self._since = now
        relays = [f"{desk.relay.name} {self._of(desk, now, elapsed)}" for desk in self._desks]
        queue = "" if self._depths is None else words(self._depths)
        return "; ".join(filter(None, [self._state(), queue, *relays]))

    def start(self, _now: float) -> str:
        """Return the line of a daemon whose session has not begun yet."""
        return self._state() or "is starting"

    def _state(self) -> str:
        if self._stop.draining:
            doing = "reloading" if self._stop.hands_over else "stopping"
            return f"{doing}, {sum(desk.carrying for desk in self._desks)} connections finish what has begun"
        return f"the database fails ({self.failures} times in a row)" if self.failures else ""

    def _of(self, desk: Desk, now: float, elapsed: float | None) -> str:
        finished = desk.finished
        sent = finished - self._finished.get(desk.relay.name, finished)
        self._finished[desk.relay.name] = finished
        if hindrance := desk.hindrance(now):
            return hindrance
        if not sent or not elapsed:
            return f"is sending over {desk.carrying} connections" if desk.carrying else "is idle"
        rate = sent / elapsed
        return f"is sending at {rate:.0f}/s" if rate >= _WHOLE else f"is sending at {rate:.1f}/s"
