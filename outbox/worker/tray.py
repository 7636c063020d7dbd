"""What the daemon has in hand: parcels that are ready, and who may take the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from outbox.worker.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from outbox.worker.allowance import Allowance
    from outbox.worker.parcel import Kind, Parcel


class Tray:
    """Parcels between the loop, which puts them, and the senders, who take them.

    `width` tells how many senders may work at once; `low` is called when the loop should look for more.
    Where the relay or a stream has a limit, `allowance` says which parcels may go.
    """

    def __init__(
        self, width: Callable[[], int], low: Callable[[], None], allowance: Allowance | None = None
    ) -> None:
        self._width = width
        self._low = low
        self._allowance = allowance
        self._lets = allowance.lets if allowance else _any
        self._spends = allowance.spends if allowance else _any
        # What may be taken; what must be announced first; and of that, what a connected sender has asked for.
        self._ready, self._silent, self._asked = self._rows = (Row(), Row(), Row())
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._active = 0
        # Of these, senders that connect for a parcel that is ready.
        self._coming = 0
        # Of these, one that has waited long for the relay's greeting.
        self._late = 0
        # And senders that have waited long for the answer to a dot.
        self._aside = 0
        # Parcels of the retries that senders have in hand.
        self._retries_begun = 0
        self._low_mark = 0
        self._closing = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether senders shall end when the tray is empty."""
        return self._closing.is_set()

    @property
    def ready(self) -> int:
        """Parcels that wait for a sender."""
        return len(self._ready.parcels) + len(self._silent.parcels) + len(self._asked.parcels)

    @property
    def retries(self) -> int:
        """Parcels of the retries that wait for a sender."""
        return self._ready.retries + self._silent.retries + self._asked.retries

    @property
    def carrying(self) -> int:
        """Senders at work that are past connecting."""
        return self._active - self._coming

    @property
    def dialling(self) -> int:
        """Senders at work that connect."""
        return self._coming

    @property
    def working(self) -> int:
        """Senders at work, but for those that only wait for a late answer."""
        return self._active - self._aside - self._late

    @property
    def busy(self) -> bool:
        """Whether a parcel is there to be taken, or a sender does more than wait for a late answer."""
        return self._takeable > 0 or self.working > 0

    @property
    def wanted(self) -> list[Parcel]:
        """What connected senders want to send, and whose announcements they wait for."""
        return list(self._asked.parcels)

    def put(self, parcels: Iterable[Parcel]) -> None:
        """Add parcels behind the others, a rescued one before them, and wake the senders."""
        for parcel in parcels:
            (self._silent if parcel.waits else self._ready).put(parcel, first=parcel.alone)
        self._low_mark = self.retries + (self.ready - self.retries) * 2 // 3
        self._want()
        self.stir()

    def enter(self, *, returning: bool = False, connected: bool = False) -> bool:
        """Let a sender begin to work, if one more may and there is something for it.

        One that is `returning` has a parcel of its own; one that must connect first is let in only where more
        parcels are ready than senders already connect for.
        """
        there = self._takeable > (0 if connected else self._coming - self._late)
        if not (returning or there) or self.working >= self._width():
            return False
        self._active += 1
        return True

    def dial(self) -> None:
        """Note that a sender which has entered connects, for a parcel that is ready."""
        self._coming += 1

    def wait_on(self) -> bool:
        """Let a sender that connects wait for long and stand in nobody's way, if no other one does."""
        if self._late:
            return False
        self._late = 1
        self.stir()
        self._low()
        return True

    def arrive(self, *, late: bool = False) -> None:
        """Note that its connecting has ended; `late` if it has waited on."""
        self._coming -= 1
        self._late -= late

    def take(self) -> Parcel | None:
        """Give a sender that has arrived the next parcel, or None when there is none or it shall leave.

        One that must be announced is given after that; until then one behind it, and each sender that is
        connected has asked for one: what is announced and cannot begin would be in doubt for nothing. Retries
        are given to half of the senders at most: a domain that answers slowly must not have them all.
        """
        if not self.ready or self.working > self._width():
            return None
        retries = self.retries > 0 and self._retries_room > 0
        # What may go here is what `_let` counts: who enters for something that is not given enters for ever.
        if self._askable > 0 and (silent := self._silent.take(self._lets, retries=retries)) is not None:
            self._asked.put(silent)
            self._low()
        parcel = self._ready.take(self._spends, retries=retries)
        if parcel is None:
            self._want()
            return None
        parcel.begun = True
        self._retries_begun += parcel.retry
        if self.ready <= self._low_mark:
            self._low()
        return parcel

    def candidates(self) -> Iterator[tuple[Kind, int]]:
        """Give the kinds of what may go now, but for limits, as `take` does, each with how many follow.

        The first parcel is waited for beside others.
        """
        rows = (*((self._silent,) if self._askable else ()), self._ready, self._asked)
        has_room = self._retries_room > 0
        return (run for row in rows for run in row.runs(retries=has_room))

    def kinds(self) -> Iterator[Kind]:
        """Give the kinds of what is ready."""
        return (kind for row in self._rows for kinds in (row.fresh, row.retried) for kind in kinds)

    def held(self, stream: str | None = None) -> int:
        """Return how many recipients wait for a sender, of one stream or of all; on any thread."""
        return sum(row.held(stream) for row in self._rows)

    def announced(self, parcel: Parcel) -> None:
        """Let a parcel go that senders have asked for, before the others, if it is still here."""
        parcel.announced = True
        if self._asked.remove(parcel):
            self._ready.put(parcel, first=True)

    def done(self, parcel: Parcel) -> None:
        """Note that a parcel keeps no sender any more: where it was a retry, the next one may go."""
        if parcel.begun:
            parcel.begun = False
            self._retries_begun -= parcel.retry
            if parcel.retry and self.retries:
                self.stir()

    def leave(self) -> None:
        """Let a sender end its work."""
        self._active -= 1
        if self._waiters and self.ready:
            self.stir()

    def step_aside(self, parcel: Parcel) -> None:
        """Let another sender work in the place of one that has waited long for the answer to this dot."""
        self._aside += 1
        self.done(parcel)
        self.stir()
        self._low()

    def step_back(self) -> None:
        """Count a sender again whose answer has come; where that is one too many, it gets nothing more."""
        self._aside -= 1

    async def changed(self, *, connected: bool = False) -> None:
        """Wait until there may be something to take, or the tray is closed; who is `connected` goes first."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if connected:
            self._waiters.appendleft(waiter)
        else:
            self._waiters.append(waiter)
        await waiter

    async def closing(self) -> None:
        """Wait until the tray is closed."""
        await self._closing.wait()

    async def rest(self, seconds: float) -> None:
        """Let a sender do nothing for some time, or until the tray is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def stir(self) -> None:
        """Wake every waiting sender: something has changed."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def empty(self, which: Callable[[Parcel], bool] = lambda _: True) -> list[Parcel]:
        """Take out and return all parcels that are ready, or those of which `which` tells so."""
        return [
            parcel
            for row in self._rows
            for parcel in list(row.parcels)
            if which(parcel) and row.remove(parcel)
        ]

    def remove(self, parcel: Parcel) -> bool:
        """Take out a parcel, if it is still here."""
        return any(row.remove(parcel) for row in self._rows)

    def close(self) -> None:
        """Let the senders end when they have finished what they hold."""
        self._closing.set()
        self.stir()

    @property
    def _takeable(self) -> int:
        if self._allowance is not None and self._allowance.limits:
            return self._let()
        return self._ready.takeable(self._retries_room) + self._askable

    @property
    def _askable(self) -> int:
        """For how many announcements senders may ask; whoever has asked is woken when they are made."""
        if not self._silent.parcels:
            return 0
        room = max(1, self.carrying) - len(self._asked.parcels)
        return max(0, min(self._silent.takeable(self._retries_room), room))

    @property
    def _retries_room(self) -> int:
        """How many more retries senders may have in hand."""
        return max(0, max(1, self._width() // 2) - self._retries_begun)

    def _let(self) -> int:
        """Return how many parcels may go by the tokens that were borrowed; where none may, want more.

        More than there are senders are not counted.
        """
        ready = self._count(self._ready, self._width())
        found = ready + (self._count(self._silent, askable) if (askable := self._askable) else 0)
        if not found:
            self._want()
        return found

    def _count(self, row: Row, most: int) -> int:
        """Return how many of a row may go, of the retries as many as there is room for; at most `most`.

        By its few kinds: every sender that wakes asks.
        """
        fresh, retries = (
            sum(count for kind, count in kinds.items() if self._lets(kind))
            for kinds in (row.fresh, row.retried)
        )
        return min(most, fresh + min(retries, self._retries_room))

    def _want(self) -> None:
        if self._allowance is not None and self._allowance.limits and self.ready:
            self._allowance.want()


def _any(_kind: Kind) -> bool:
    return True
