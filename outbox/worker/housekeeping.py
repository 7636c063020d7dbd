"""Housekeeping beside the sending: a page of old mail at a time, and after each a pause that outweighs it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from outbox import events
from outbox.store.retention import Gone, Retention, Terms
from outbox.store.turns import Turns
from outbox.worker.options import DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from outbox.store.database import Database
    from outbox.store.retention import Page, Walk
    from outbox.store.sessions import Sessions
    from outbox.worker.options import Keep

RUN = 45.0
"""Seconds after which a duty leaves the rest to its next time."""

REST = 19.0
"""How much longer than its work each pause is: two duties leave a drain nine tenths of the database."""

SESSIONS_KEPT = 30 * DAY
"""Seconds for which the row of a session is kept at least: ten times as long as a journal that names it."""


class _End(Enum):
    """How a run along what may go has ended."""

    NOTHING = "there was nothing"
    OTHERS = "it is another daemon's turn"
    LATER = "there may be more"
    WHOLE = "all has been looked at"


@dataclass(slots=True)
class _Erasing:
    """A walk along bodies, of one run or more, to what has ended at `until`; `busy` were passed by."""

    walk: Walk
    until: datetime
    begun: bool = False
    busy: int = 0


class Housekeeping:
    """The housekeeping of one daemon; `me` tells its session."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        keep: Keep,
        me: Callable[[], UUID],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retention = Retention(database)
        self._turns = Turns(database)
        self._sessions = sessions
        self._keep = keep
        self._me = me
        self._halt = threading.Event()
        self._clock = clock
        self._erasing: _Erasing | None = None

    def stop(self) -> None:
        """Begin no further page."""
        self._halt.set()

    def erase(self) -> None:
        """Erase the bodies of mail that has ended long enough ago."""
        if not self._keep.bodies:
            return
        terms = Terms(self._keep.bodies)
        if self._erasing is None:
            since, until = self._turns.span(terms.age)
            self._erasing = _Erasing(self._retention.walk(terms, since), until)
        # If this fails, the next run begins where the last whole walk has ended.
        erasing, self._erasing = self._erasing, None
        gone, end = self._along(erasing.walk, lambda page: self._retention.erase(terms, page))
        erasing.busy += gone.busy
        if gone.messages:
            events.bodies_erased(gone.messages)
        if end is _End.LATER:
            erasing.begun, self._erasing = True, erasing
        elif (end is _End.WHOLE or (end is _End.NOTHING and erasing.begun)) and not erasing.busy:
            self._turns.erased(self._me(), erasing.until)

    def delete(self) -> None:
        """Delete mail that has ended long enough ago, and count it by its days."""
        if not self._keep.finished:
            return
        terms = Terms(self._keep.finished)
        gone, _ = self._along(self._retention.walk(terms), lambda page: self._retention.delete(terms, page))
        if gone.messages:
            events.finished_deleted(gone.messages, gone.deliveries)

    def prune(self) -> None:
        """Delete the rows of sessions that are older than any mail that they may have sent."""
        if not self._keep.finished:
            return
        pruned = 0
        while some := self._sessions.prune(max(self._keep.finished, SESSIONS_KEPT)):
            pruned += some
        if pruned:
            events.sessions_pruned(pruned)

    def _along(self, walk: Walk, work: Callable[[Page], Gone]) -> tuple[Gone, _End]:
        """Do this to page after page while there is time; return what went, and how it ended."""
        gone, end = Gone(), _End.NOTHING
        until = self._clock() + RUN
        while not self._halt.is_set():
            began = self._clock()
            page = walk.page()
            if not page:
                return gone, end
            # Only now: an idle daemon on SQLite writes nothing.
            if end is _End.NOTHING and not self._turns.take(self._me()):
                return gone, _End.OTHERS
            gone, end = gone.plus(work(page)), _End.WHOLE
            now = self._clock()
            if now >= until:
                break
            self._halt.wait(min((now - began) * REST, until - now))
        return gone, _End.LATER
