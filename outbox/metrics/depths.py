"""Read the depth of the queue for whoever asks, on a thread and a connection of its own.

A large queue takes a database some time to count, so a reading is kept for a while; nobody waits for one
long, and the daemon's own work never.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from outbox import events
from outbox.store.depth import Depth, depths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.store.database import Database

KEPT = 5.0
"""Seconds for which a reading is kept, at least."""

SHARE = 20
"""Reading takes a twentieth of the time at most, as the daemon's own looks do,"""

LONGEST = 60.0
"""but after so many seconds it is read again in any case: an alarm must not come later."""

PATIENCE = 3.0
"""Seconds that one who asks waits for a reading; Prometheus gives a whole scrape ten."""


class Depths:
    """Readings of one `database` at a time, which is for nothing else and is closed with this."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._changed = threading.Condition()
        self._wanted = False
        self._closed = False
        self._reading: Sequence[Depth] | None = None
        self._kept_until = -float("inf")
        self._fails = False
        # A daemon thread: one that hangs in the database must not keep the process.
        self._thread = threading.Thread(target=self._run, name="outbox-depths", daemon=True)
        self._thread.start()

    def latest(self, patience: float = PATIENCE) -> Sequence[Depth] | None:
        """Return a reading that is kept, or a new one; None where the database does not give one soon."""
        with self._changed:
            if self._clock() < self._kept_until:
                return self._reading
            self._wanted = True
            self._changed.notify_all()
            came = self._changed.wait_for(lambda: self._closed or not self._wanted, patience)
            return self._reading if came else None

    def turn_to(self, database: Database) -> None:
        """Read another database from now on, and close the one so far."""
        with self._changed:
            before, self._database = self._database, database
            self._reading, self._kept_until = None, -float("inf")
        before.close()

    def close(self) -> None:
        """Read no more; a reading under way is left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._database.close()

    def _run(self) -> None:
        while self._is_wanted():
            began, database = self._clock(), self._database
            reading = self._read(database)
            now = self._clock()
            with self._changed:
                if database is not self._database:
                    continue
                self._reading = reading
                # What failed may have been silent for long, and be well again.
                share = 0.0 if reading is None else SHARE * (now - began)
                self._kept_until = now + max(KEPT, min(share, LONGEST))
                self._wanted = False
                self._changed.notify_all()

    def _is_wanted(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closed)
            return not self._closed

    def _read(self, database: Database) -> Sequence[Depth] | None:
        try:
            reading = database.read(depths)
        except Exception as error:  # noqa: BLE001 - whatever fails: the next one who asks gets another try
            if not (self._fails or self._closed):
                events.depth_unread(error)
            self._fails = True
            return None
        self._fails = False
        return reading
