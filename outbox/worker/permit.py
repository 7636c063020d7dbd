"""What people allow now: whether this daemon may send, through which relays, and from which streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox.errors import EnvironmentMismatchError
from outbox.store.permission import Permission, permission

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from outbox.store.database import Database
    from outbox.worker.threads import Threads

EVERY = 1.0
"""Seconds between two looks: a pause takes effect so soon, also on what is already claimed."""

_MAYBE = "the database went back in time, or another server has it"


class Permit:
    """What is allowed to a daemon that belongs to this `environment`.

    `heard` gets each reading, and when it began by the clock of `look`; `answered` tells up to which epoch
    this daemon has read its journals.
    """

    def __init__(
        self,
        database: Database,
        threads: Threads,
        environment: str | None,
        heard: Callable[[Permission, float], None],
        answered: Callable[[], int],
    ) -> None:
        self._database = database
        self._threads = threads
        self._environment = environment
        self._heard = heard
        self._answered = answered
        self._standing = Permission(environment=environment)
        self._looked_at = -EVERY

    @property
    def paused(self) -> frozenset[str]:
        """The streams of which nothing is to be claimed."""
        return self._standing.streams

    @property
    def pauses(self) -> dict[str, int]:
        """How much people have paused, by kind, and whether a restore forbids all; on any thread."""
        now = self._standing
        restore = bool(now.restored or now.unanswered or now.epoch != self._answered())
        return {
            "all": int(now.everything),
            "relay": len(now.relays),
            "stream": len(now.streams),
            "restore": int(restore),
        }

    @property
    def epoch(self) -> int:
        """The epoch of the database when it was looked at last."""
        return self._standing.epoch

    @property
    def connects(self) -> int:
        """How many connections were made so far."""
        return self._database.connects

    def meet(self, connects: int) -> None:
        """Let mail be claimed over the first so many connections: their server was looked at since."""
        self._database.met = connects

    def doubt(self) -> None:
        """Look again the next time, however long ago the last look was."""
        self._looked_at = -EVERY

    def must_look(self, now: float) -> bool:
        """Tell whether the last look was long ago, or a connection was made since."""
        return now - self._looked_at >= EVERY or self._database.connects != self._database.met

    async def look(self, now: float) -> bool:
        """Read what is allowed; tell whether it has changed.

        Raises EnvironmentMismatchError when the database has become that of another environment.
        """
        found = await self._threads.run(self._database.read, permission)
        self._looked_at = now
        before, self._standing = self._standing, found
        refuse_foreign(found.environment, self._environment)
        self._heard(found, now)
        return before != found

    def forbids_all(self, relay: str) -> str | None:
        """Return why nothing may be sent through `relay`, or None."""
        paused = f"relay {relay} is paused" if relay in self._standing.relays else None
        return self._everything() or paused

    def forbids(self, relay: str, stream: str) -> str | None:
        """Return why nothing of this stream may be sent through `relay`, or None."""
        paused = f"stream {stream} is paused" if stream in self._standing.streams else None
        return self.forbids_all(relay) or paused

    def summary(self, relays: Collection[str]) -> str:
        """Return what is forbidden to these relays now, in words; empty where nothing is."""
        kinds = {"relays": self._standing.relays & {*relays}, "streams": self._standing.streams}
        words = [f"paused {kind}: {', '.join(sorted(names))}" for kind, names in kinds.items() if names]
        return self._everything() or "; ".join(words)

    def _everything(self) -> str | None:
        if self._standing.environment != self._environment:
            return "the database is of another environment"
        if self._standing.unanswered:
            hosts = ", ".join(self._standing.unanswered)
            return f"{_MAYBE}, and daemons have yet to read their journals: {hosts}"
        if self._standing.epoch != self._answered():
            # Also where the database does not know our session, and so does not name this host.
            return f"{_MAYBE}, and this daemon has yet to read its journals"
        if self._standing.restored:
            return "the database was restored, and nobody has confirmed that mail may go"
        return "everything is paused" if self._standing.everything else None


def refuse_foreign(database: str | None, daemon: str | None) -> None:
    """Raise EnvironmentMismatchError unless the database and the daemon are of the same environment."""
    if database != daemon:
        raise EnvironmentMismatchError(database, daemon)
