"""What this daemon may send now by the limits of its relay and of its streams: tokens that it has borrowed.

A gate without a limit costs nothing. Of one that has a limit tokens are borrowed when a sender could use
them: all gates in one transaction, for a tenth of a second; what is not used by then is void, and told when
more is borrowed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.mail.rate import BORROWED, Bucket, Demand, Grant, Limit, in_hand
from outbox.store.buckets import Gate
from outbox.store.schema import GateKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from outbox.mail.stream import Streams
    from outbox.store.buckets import Buckets
    from outbox.worker.parcel import Parcel
    from outbox.worker.threads import Threads

SPACING = 0.02
"""Seconds between two borrowings of a gate, at least."""

_TICK = 0.001
"""Seconds by which a gate that had a little too little is asked again, at least."""

_PATIENT = 2.0
"""Seconds for which mail in hand waits for tokens; for longer it is not kept from other daemons."""

_AWAY = 0.5
"""Seconds before the database is asked again that did not answer."""


@dataclass(slots=True)
class _Purse:
    """What was borrowed of one gate: `tokens` until `void_at`, and what the gate had left at `asked_at`.

    `rest` is what was left of the quota of the `day`. Since `refused_at` it has lent nothing.
    """

    tokens: int = 0
    void_at: float = 0.0
    spent: int = 0
    asked_at: float = 0.0
    ask_at: float = 0.0
    left: float | None = None
    short_of: str | None = None
    day: date | None = None
    rest: int | None = None
    refused_at: float | None = None

    def has(self, count: int, now: float) -> bool:
        return self.tokens >= count and now < self.void_at

    def is_dry(self, now: float) -> bool:
        """Tell whether mail that is in hand would have to wait for too long."""
        return self.ask_at - now > _PATIENT

    def spend(self, count: int) -> None:
        self.tokens -= count
        self.spent += 1

    def receive(self, grant: Grant, limit: Limit, began: float, now: float) -> None:
        # From before the borrowing: by its answer, some of the time is already over. Where all of it is, as
        # the database is slow, or busy with our claims, mail must go on all the same.
        self.tokens, self.void_at = grant.count, max(began + BORROWED, now + SPACING)
        self.spent = 0
        # What is left over when these are used has to be told that it waits for long.
        wait = min(max(SPACING, grant.wait), BORROWED) if grant.count else max(_TICK, grant.wait)
        self.ask_at = now + wait
        self.asked_at = began
        self.left, self.short_of, self.day = grant.tokens, grant.short_of, grant.day
        self.rest = None if limit.quota is None else limit.quota - grant.used
        if grant.count:
            self.refused_at = None
        elif self.refused_at is None:
            self.refused_at = began

    def back(self, limit: Limit, now: float) -> float:
        """Return what the gate would hold more by now, had nobody borrowed what is left of these tokens."""
        if limit.rate is None:
            return 0.0
        # It may have been full since, and what it fills with then is lost.
        return max(0.0, self.tokens - (now - self.asked_at) * limit.rate)

    def filled(self, limit: Limit, now: float) -> float:
        """Return the tokens that the gate has by now, unless others borrow them."""
        return Bucket(self.left, now - self.asked_at).filled(limit)


class Allowance:
    """The tokens of one daemon for the relay `name` and its `streams`.

    `ready` gives the parcels that could go now, `width` how many senders there are for them; `stir` lets
    these look again, and `give_back` takes what must wait for long out of their way.
    """

    def __init__(
        self,
        name: str,
        limit: Limit,
        streams: Streams,
        buckets: Buckets,
        threads: Threads,
        *,
        ready: Callable[[], Iterable[Parcel]],
        width: Callable[[], int],
        stir: Callable[[], None],
        give_back: Callable[[str, Callable[[Parcel], bool]], None],
    ) -> None:
        self._relay = Gate(GateKind.RELAY, name)
        self._limit = limit
        self._streams = streams
        self._buckets = buckets
        self._threads = threads
        self._ready = ready
        self._width = width
        self._stir = stir
        self._give_back = give_back
        self._pace: float | None = None
        # The gates of a stream that limit something, as long as the pace is the same.
        self._known: dict[str, list[tuple[Gate, Limit]]] = {}
        self._passing: float | None = None
        self._purses: defaultdict[Gate, _Purse] = defaultdict(_Purse)
        self._wanted = asyncio.Event()
        self._has_limits = limit.is_set or any(each.limit.is_set for each in streams.known.values())

    @property
    def limits(self) -> bool:
        """Whether there is any limit now."""
        return self._has_limits or self._pace is not None

    def hear(self, pace: float | None) -> None:
        """Note how many recipients a second the relay was seen to bear, None: any number."""
        if pace != self._pace:
            self._pace = pace
            self._known.clear()

    def slow_down(self, passing: float) -> None:
        """Lower the pace, since the relay says so while we send it `passing` recipients a second."""
        self._passing = passing
        self._wanted.set()

    def lets(self, stream: str, recipients: int) -> bool:
        """Tell whether a parcel of this kind may go now."""
        now = self._now()
        return all(self._purses[gate].has(recipients, now) for gate, _ in self._gates(stream))

    def spend(self, parcel: Parcel) -> None:
        """Use the tokens of a parcel that goes."""
        for gate, _ in self._gates(parcel.stream):
            self._purses[gate].spend(len(parcel.claims))

    def want(self) -> None:
        """Borrow what the parcels that are ready need, as soon as it may be had."""
        self._wanted.set()

    def together(self, stream: str) -> int | None:
        """Return the most recipients of a transaction: a burst, and what a quota has left; None: any."""
        most = [each for _, limit in self._gates(stream) if (each := limit.together) is not None]
        rests = [rest for gate, _ in self._gates(stream) if (rest := self._purses[gate].rest)]
        return min(most + rests, default=None)

    def room(self, stream: str, held: int) -> int | None:
        """Return how many more of a stream to claim beside those that are `held`; None: any number.

        On whichever thread: a claim asks while it runs.
        """
        limit = self._streams.of(stream).limit
        return self._room(Gate(GateKind.STREAM, stream), limit, held) if limit.is_set else None

    def relay_room(self, held: int) -> int | None:
        """Return how many more to claim of all streams beside those that are `held`; None: any number."""
        limit = self._limit.lowered(self._pace)
        return self._room(self._relay, limit, held) if limit.is_set else None

    @property
    def is_filling(self) -> bool:
        """Whether the relay's limit has room for nothing now, and soon for more."""
        return self.relay_room(0) == 0 and not self._purses[self._relay].is_dry(self._now())

    async def run(self) -> None:
        """Borrow when something is wanted, until cancelled."""
        while True:
            self._wanted.clear()
            try:
                wait = await self._turn()
            except SQLAlchemyError:  # the loop has told already that the database is away
                wait = _AWAY
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wanted.wait()

    async def _turn(self) -> float | None:
        """Do what is to be done now; return the seconds to wait, None for as long as nothing is wanted."""
        if self._passing is not None:
            passing, self._passing = self._passing, None
            pace = await self._threads.run(self._buckets.slow_down, self._relay.name, self._limit, passing)
            if pace is not None:
                self.hear(pace)
                events.relay_slowed(self._relay.name, pace)
        now = self._now()
        wanted = self._demands()
        due = {gate: each for gate, each in wanted.items() if self._purses[gate].ask_at <= now}
        if due:
            for gate in due:
                # Void from now on: the quota has them back by this borrowing.
                self._purses[gate].tokens = 0
            grants = await self._threads.run(self._buckets.borrow, due)
            for gate, grant in grants.items():
                self._receive(gate, due[gate][0], grant, now)
            if any(grant.count for grant in grants.values()):
                self._stir()
            now = self._now()
        for gate in wanted:
            # Also what came after it was refused: a claim was under way, or another desk has handed it over.
            if self._purses[gate].is_dry(now):
                self._give_back_of(gate, f"the {self._purses[gate].short_of}")
        return min((max(0.0, self._purses[gate].ask_at - now) for gate in wanted), default=None)

    def _demands(self) -> dict[Gate, tuple[Limit, Demand]]:
        """Return what is wanted of each gate that the parcels wait for: as much as the senders may use."""
        width, now = self._width(), self._now()
        sizes: dict[Gate, list[int]] = {}
        limits: dict[Gate, Limit] = {}
        for parcel in self._ready() if width and self.limits else ():
            for gate, limit in self._gates(parcel.stream):
                purse = self._purses[gate]
                if not purse.has(len(parcel.claims), now) or gate in sizes:
                    limits[gate] = limit
                    sizes.setdefault(gate, []).append(len(parcel.claims))
        return {
            gate: (limits[gate], self._demand(self._purses[gate], limits[gate], each, width))
            for gate, each in sizes.items()
        }

    def _demand(self, purse: _Purse, limit: Limit, sizes: list[int], width: int) -> Demand:
        most, now = sum(sizes[: max(width, 2 * purse.spent)]), self._now()
        waited = 0.0 if purse.refused_at is None else now - purse.refused_at
        return Demand(sizes[0], most, purse.tokens, purse.back(limit, now), purse.day, waited)

    def _receive(self, gate: Gate, limit: Limit, grant: Grant, began: float) -> None:
        purse = self._purses[gate]
        if grant.short_of == "quota" and purse.short_of != "quota":
            events.quota_spent(gate.kind.value, gate.name, grant.wait)
        purse.receive(grant, limit, began, self._now())
        if not grant.count and grant.short_of is None:
            self._give_back_of(
                gate, "it is larger than what is left of the quota", larger_than=purse.rest or 0
            )

    def _give_back_of(self, gate: Gate, reason: str, larger_than: int = 0) -> None:
        self._give_back(
            f"{reason} of {gate.kind} {gate.name}",
            lambda parcel: len(parcel.claims) > larger_than and gate in dict(self._gates(parcel.stream)),
        )

    def _room(self, gate: Gate, limit: Limit, held: int) -> int | None:
        purse, now = self._purses[gate], self._now()
        # Of what is given back none may be claimed again at once, even where there are tokens for a part.
        if purse.is_dry(now) or (purse.short_of == "quota" and now < purse.ask_at):
            return 0
        most = in_hand(limit, purse.filled(limit, now))
        return None if most is None else max(0, most - held)

    def _gates(self, stream: str) -> list[tuple[Gate, Limit]]:
        if (known := self._known.get(stream)) is None:
            limits = [
                (self._relay, self._limit.lowered(self._pace)),
                (Gate(GateKind.STREAM, stream), self._streams.of(stream).limit),
            ]
            known = self._known[stream] = [(gate, limit) for gate, limit in limits if limit.is_set]
        return known

    def _now(self) -> float:
        return self._loop.time()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Known since the first turn: a claim asks for the room of a stream on the database's thread.
        return asyncio.get_running_loop()
