"""All desks of one daemon: whose turn it is to look for work, and which way the streams go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from outbox.mail.route import Routes
    from outbox.store.moves import Claim
    from outbox.worker.desk import Desk
    from outbox.worker.lease import Lease


class Desks:
    """The desks by the names of their relays; `wake` lets the daemon take a turn.

    One that is idle looks into the queue when its time has come, or when it was woken: a busy one beside it,
    which the daemon turns to without a rest, costs it nothing.
    """

    def __init__(self, routes: Routes, wake: Callable[[], None]) -> None:
        self._routes = routes
        self._wake = wake
        self._desks: dict[str, Desk] = {}
        # By the loop's clock when each looks again, and which were woken before that.
        self._due: dict[str, float] = {}
        self._woken: set[str] = set()
        self._open: frozenset[str] = frozenset()
        self._rerouted: dict[str, str | None] = {}

    def __iter__(self) -> Iterator[Desk]:
        """Iterate over the desks, in the order of the relays."""
        return iter(self._desks.values())

    @property
    def names(self) -> Collection[str]:
        """The names of the relays."""
        return self._desks.keys()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What must not end before the daemon does."""
        return [task for desk in self for task in desk.tasks]

    def add(self, desk: Desk) -> None:
        """Take one desk more; it looks at once."""
        self._desks[desk.relay.name] = desk
        self._due[desk.relay.name] = 0.0

    def wake(self, relay: str | None = None) -> None:
        """Let the desk of one relay, or of every one, look in the next turn."""
        self._woken |= self._desks.keys() if relay is None else {relay}
        self._wake()

    def is_open(self, relay: str) -> bool:
        """Tell whether the breaker of a relay is open; of one that is not here, nobody here knows."""
        return relay in self._desks and self._desks[relay].is_open

    def of_doubt(self, claim: Claim) -> Desk | None:
        """Return whose a mail is that a relay here may hold already: only that one can recognise it."""
        return self._desks.get(claim.relay) if claim.doubts and claim.relay else None

    async def look(
        self, lease: Callable[[], Lease], paused: Collection[str], moves: Callable[[], None]
    ) -> float:
        """Let each desk look whose turn it is; return the seconds until the next one's turn.

        `moves` is called before each: with a slow database many take longer than any of them may.
        """
        self._look_at_ways()
        for name, desk in self._desks.items():
            moves()
            if name in self._woken or self._due[name] <= _now():
                self._woken.discard(name)
                # Where this fails it is tried again, and not when its time would have come.
                self._due[name] = 0.0
                wait = await desk.look(lease, paused)
                self._due[name] = _now() + wait
        return 0.0 if self._woken else max(0.0, min(self._due.values()) - _now())

    def ended(self) -> None:
        """Let desks look whose probe may have ended without a word on its relay: then another goes."""
        for desk in self:
            if desk.is_open:
                self.wake(desk.relay.name)

    def begin(self) -> None:
        """Let the senders of all begin."""
        for desk in self:
            desk.begin()

    def close(self) -> None:
        """Let each give back what nobody has begun to send, and its senders end."""
        for desk in self:
            desk.close()

    def end(self) -> None:
        """End what goes on beside the senders."""
        for desk in self:
            desk.end()

    async def leave(self, lease: Lease) -> None:
        """Let the other daemons know all at the end of this one, and have what it had of theirs."""
        for desk in self:
            await desk.leave(lease)

    def drop(self, lease: Lease) -> None:
        """Forget what a lost lease held."""
        for desk in self:
            desk.drop(lease)

    def _look_at_ways(self) -> None:
        """Where a relay is down since, or back, let all desks look, and tell which streams go another way."""
        opened = frozenset(name for name, desk in self._desks.items() if desk.is_open)
        if opened == self._open:
            return
        self.wake()
        self._open, before, self._rerouted = opened, self._rerouted, self._routes.rerouted()
        for stream in sorted(before.keys() | self._rerouted.keys()):
            if before.get(stream, "") != self._rerouted.get(stream, ""):
                events.rerouted(stream, self._routes.through(stream), self._routes.order(stream)[0])


def _now() -> float:
    return asyncio.get_running_loop().time()
