"""What this daemon may send now by the limits of its relay and of its streams: tokens that it has borrowed.

A gate without a limit costs nothing. Of one that has a limit tokens are borrowed when a sender could use
them: all gates at once, for a tenth of a second; what is not used by then is void, and told when more is
borrowed. That is done before the last token is gone, and before many are void.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.mail.rate import Limit, in_hand
from outbox.store.buckets import Gate
from outbox.store.schema import GateKind
from outbox.worker.purse import Purse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outbox.mail.rate import Grant
    from outbox.mail.stream import Streams
    from outbox.store.buckets import Buckets
    from outbox.worker.parcel import Kind, Parcel
    from outbox.worker.threads import Threads

_AWAY = 0.5
"""Seconds before the database is asked again that did not answer."""


class _Gated(NamedTuple):
    """A gate that limits something, and what was borrowed of it."""

    gate: Gate
    limit: Limit
    purse: Purse


class Allowance:
    """The tokens of one daemon for the relay `name` and its `streams`.

    `ready` gives the kinds of the parcels that could go now, in their order, each with how many follow, and
    `kinds` those of all that are ready; `width` tells how many senders there are for them, `stir` lets these
    look again, and `give_back` takes what must wait for long out of their way.
    """

    def __init__(
        self,
        name: str,
        limit: Limit,
        streams: Streams,
        buckets: Buckets,
        threads: Threads,
        *,
        ready: Callable[[], Iterable[tuple[Kind, int]]],
        kinds: Callable[[], Iterable[Kind]],
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
        self._kinds = kinds
        self._width = width
        self._stir = stir
        self._give_back = give_back
        self._pace: float | None = None
        # The gates of a stream that limit something, as long as the pace is the same.
        self._known: dict[str, list[_Gated]] = {}
        self._passing: float | None = None
        self._purses: defaultdict[Gate, Purse] = defaultdict(Purse)
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

    def lets(self, kind: Kind) -> bool:
        """Tell whether a parcel of this kind may go now."""
        stream, recipients = kind
        if gates := self._gates(stream):
            now = self._now()
            for each in gates:
                if not each.purse.has(recipients, now):
                    return False
        return True

    def spends(self, kind: Kind) -> bool:
        """Use the tokens of a parcel of this kind, if it may go now; tell whether it may.

        More are borrowed before the last one is gone.
        """
        stream, recipients = kind
        gates = self._known.get(stream)
        if gates is None:
            gates = self._gates(stream)
        if gates:
            now = self._loop.time()
            # Loops, and no call too many, as each mail comes by: all must have them before any spends.
            for each in gates:
                if not each.purse.has(recipients, now):
                    return False
            for each in gates:
                if each.purse.spend(recipients, now):
                    self._wanted.set()
        return True

    def want(self) -> None:
        """Borrow what the parcels that are ready need, as soon as it may be had."""
        self._wanted.set()

    def together(self, stream: str) -> int | None:
        """Return the most recipients of a transaction: a burst, and what a quota has left; None: any."""
        most = [most for each in self._gates(stream) if (most := each.limit.together) is not None]
        rests = [rest for each in self._gates(stream) if (rest := each.purse.rest)]
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
        began = self._now()
        wanted = self._wanting(began)
        demands = {
            gate: (each.limit, each.purse.ask(each.limit, sizes, self._width(), began))
            for gate, (each, sizes) in wanted.items()
            if each.purse.ask_at <= began
        }
        due = {gate: (limit, demand) for gate, (limit, demand) in demands.items() if demand}
        if due:
            grants = await self._threads.run(self._buckets.borrow, due)
            for gate, grant in grants.items():
                self._receive(gate, due[gate][0], grant, began)
            if any(grant.count for grant in grants.values()):
                self._stir()
        now = self._now()
        for gate, (each, sizes) in wanted.items():
            purse = each.purse
            # Also what came after it was refused: a claim was under way, or another desk has handed it over.
            if purse.is_dry(now) and not purse.has(sizes[0], now):
                self._give_back_of(gate, f"the {purse.short_of}")
        waiting = [
            max(0.0, each.purse.ask_at - now)
            for gate, (each, sizes) in wanted.items()
            if each.purse.wants(sizes[0], now) and (gate in due or gate not in demands)
        ]
        return min(waiting, default=None)

    def _wanting(self, now: float) -> dict[Gate, tuple[_Gated, list[int]]]:
        """Return the gates of which more should be borrowed, each with the sizes of the parcels that wait."""
        if not (self.limits and self._width() and self._wants_any(now)):
            return {}
        # By their purses, and many parcels at a time: there are hundreds, of few kinds.
        found: dict[Purse, tuple[_Gated, list[int]]] = {}
        for (stream, size), count in self._ready():
            sizes = [size] * count
            for each in self._gates(stream):
                if each.purse in found:
                    found[each.purse][1].extend(sizes)
                elif each.purse.wants(size, now):
                    found[each.purse] = each, [*sizes]
        return {each.gate: (each, sizes) for each, sizes in found.values()}

    def _wants_any(self, now: float) -> bool:
        """Tell whether more should be borrowed for any kind: of many parcels few differ in that."""
        return any(
            each.purse.wants(size, now) for stream, size in self._kinds() for each in self._gates(stream)
        )

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
            lambda parcel: (
                len(parcel.claims) > larger_than
                and any(each.gate == gate for each in self._gates(parcel.stream))
            ),
        )

    def _room(self, gate: Gate, limit: Limit, held: int) -> int | None:
        purse, now = self._purses[gate], self._now()
        # Of what is given back none may be claimed again at once, even where there are tokens for a part.
        if purse.is_dry(now) or (purse.short_of == "quota" and now < purse.ask_at):
            return 0
        most = in_hand(limit, purse.filled(limit, now))
        return None if most is None else max(0, most - held)

    def _gates(self, stream: str) -> list[_Gated]:
        if (known := self._known.get(stream)) is None:
            limits = [
                (self._relay, self._limit.lowered(self._pace)),
                (Gate(GateKind.STREAM, stream), self._streams.of(stream).limit),
            ]
            known = self._known[stream] = [
                _Gated(gate, limit, self._purses[gate]) for gate, limit in limits if limit.is_set
            ]
        return known

    def _now(self) -> float:
        return self._loop.time()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Known since the first turn: a claim asks for the room of a stream on the database's thread.
        return asyncio.get_running_loop()
