"""Keep the session's lease alive, on a thread of its own: a busy loop must not make the daemon look dead."""

from __future__ import annotations

import math
import os
import random
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox._version import __version__
from outbox.store.sessions import Totals
from outbox.worker.lease import BEAT, UNBROKEN, VALID, Lease, boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from outbox.store.schema import SessionState
    from outbox.store.sessions import Sessions

_SOONEST = 0.8
"""How much of the time between two beats has passed at least."""


class Heartbeat:
    """Beats for the daemon's session, and begins another when it was declared lost.

    `ttl` is in seconds, `epoch` tells up to which one the journal was read, `counted` how many ends
    the row of a session must have counted. `on_lost` is called, on the heartbeat's thread, after `lease` has
    become the new one.
    """

    def __init__(
        self,
        sessions: Sessions,
        ttl: float,
        totals: Totals,
        on_lost: Callable[[Lease], None],
        epoch: Callable[[], int] = int,
        counted: Callable[[UUID], int] = lambda _: 0,
    ) -> None:
        self._sessions = sessions
        self._ttl = ttl
        self._totals = totals
        # What a row has of it, and what is in the rows of earlier sessions.
        self._told = self._before = Totals()
        self._on_lost = on_lost
        self._epoch = epoch
        self._counted = counted
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox-heartbeat", daemon=True)
        self.lease = self._begin()
        self.failure: Exception | None = None
        self.moves_by = math.inf
        """By the monotonic clock, when it is to beat next; whether that succeeds is another matter."""

    def start(self) -> None:
        """Begin to beat."""
        self.moves_by = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Cease to beat, and wait for the beat under way."""
        self._halt.set()
        self._thread.join()
        self.moves_by = math.inf

    def is_unbroken(self) -> bool:
        """Tell whether it has beaten long enough, until now, for the silence of others to mean something."""
        now = boot_clock()
        return self.lease.is_valid(now) and now - self.lease.unbroken_since >= self._ttl * UNBROKEN

    def _begin(self) -> Lease:
        now = boot_clock()
        lease = Lease(valid_until=now + self._ttl * VALID, unbroken_since=now)
        self._sessions.start(
            lease.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            ttl=self._ttl,
            epoch=self._epoch(),
        )
        # What it was told stands in the row of the session before.
        self._before = self._told
        return lease

    def _run(self) -> None:
        # Those who began together must not all come at once, now and after an outage.
        while not self._halt.wait(self._pause()):
            try:
                self._beat()
            except SQLAlchemyError as error:
                # The silence of others means nothing while we could not be heard ourselves.
                self.lease.unbroken_since = boot_clock()
                events.beat_failed(error)
            except Exception as error:  # noqa: BLE001 - the loop raises it: nobody watches this thread
                self.failure = error
                return

    def _pause(self) -> float:
        pause = self._ttl * BEAT * random.uniform(_SOONEST, 1.0)  # noqa: S311 - jitter
        self.moves_by = time.monotonic() + pause
        return pause

    def _beat(self) -> None:
        lease = self.lease
        began = boot_clock()
        least, totals = self._counted(lease.id), replace(self._totals)
        if not lease.lost and self._sessions.beat(lease.id, totals.since(self._before), least):
            self._told = totals
            if boot_clock() >= lease.valid_until:
                # An outage, a beat that hung, or a pause of this process: nobody's silence meant anything.
                lease.unbroken_since = boot_clock()
            # From before the beat: by its answer, some of the lease is already over.
            lease.valid_until = began + self._ttl * VALID
            return
        if not lease.lost and self._sessions.is_behind(lease.id, least):
            # The database went back in time. The row tells that to the next look, unless a beat hides it.
            return
        lease.lost = True
        self.lease = self._begin()
        events.session_lost(lease.id, self.lease.id)
        self._on_lost(lease)

    def enter(self, state: SessionState) -> None:
        """Move the session to `state`; a database that does not answer is left to the TTL."""
        try:
            self._sessions.enter(self.lease.id, state)
        except SQLAlchemyError as error:
            events.beat_failed(error)
