"""What a daemon has borrowed of one gate: lots of tokens, each void when its time is over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from outbox.mail.rate import BORROWED, Bucket, Demand, Grant, Limit

if TYPE_CHECKING:
    from datetime import date

SPACING = 0.02
"""Seconds between two borrowings of a gate, at least; and before tokens are void it is low for so long."""

_SPARE = 10
"""Of what a gate has left, one in so many is borrowed, at most, should more go than lately."""

_REMEMBERED = 0.93
"""What is left of the lead of a slow answer when the next one was quick: one in ten is twice as slow."""

_TICK = 0.001
"""Seconds by which a gate that had a little too little is asked again, at least."""

_PATIENT = 2.0
"""Seconds for which mail in hand waits for tokens; for longer it is not kept from other daemons."""


@dataclass(slots=True)
class _Lot:
    """Tokens of one borrowing, which began at `asked_at`."""

    tokens: int
    void_at: float
    asked_at: float

    def back(self, rate: float, now: float) -> float:
        """Return what the gate would hold more by now, had nobody borrowed what is left of it."""
        # It may have been full since, and what it fills with then is lost.
        return max(0.0, self.tokens - (now - self.asked_at) * rate)


@dataclass(slots=True, eq=False)
class Purse:
    """The lots of one gate, the oldest first, and what the gate had left at `asked_at`.

    It is low when `until_low` more are spent: a third is left then; where the gate has plenty also from
    `low_at` on, its `lead` before the last lot is void, which is twice what an answer took lately. `told`
    says that this was told. Since it asked `spent` parcels went, with `passed` recipients. `rest` is what was
    left of the quota of the `day`. Since `refused_at` it has lent nothing.
    """

    lots: deque[_Lot] = field(default_factory=deque)
    spent: int = 0
    passed: int = 0
    until_low: int = 0
    low_at: float = inf
    lead: float = SPACING
    told: bool = False
    asked_at: float = 0.0
    ask_at: float = 0.0
    left: float | None = None
    short_of: str | None = None
    day: date | None = None
    rest: int | None = None
    refused_at: float | None = None

    def has(self, count: int, now: float) -> bool:
        """Tell whether so many recipients may pass."""
        for lot in self.lots:
            if now < lot.void_at:
                count -= lot.tokens
                if count <= 0:
                    return True
        return False

    def tokens(self, now: float) -> int:
        """Return how many recipients may pass."""
        return sum([lot.tokens for lot in self.lots if now < lot.void_at])

    def wants(self, count: int, now: float) -> bool:
        """Tell whether to borrow for so many: none shall have to wait while that takes."""
        return self.until_low <= 0 or now >= self.low_at or not self.has(count, now)

    def is_dry(self, now: float) -> bool:
        """Tell whether mail that is in hand would have to wait for too long."""
        return self.ask_at - now > _PATIENT

    def spend(self, count: int, now: float) -> bool:
        """Use so many tokens, those first that are void first; tell once that it is low by now."""
        self.spent += 1
        self.passed += count
        self.until_low -= count
        for lot in self.lots:
            if now < lot.void_at:
                used = min(count, lot.tokens)
                lot.tokens -= used
                count -= used
                if not count:
                    break
        if self.told or (self.until_low > 0 and now < self.low_at):
            return False
        self.told = True
        return True

    def ask(self, limit: Limit, sizes: list[int], width: int, now: float) -> Demand | None:
        """Return what to ask of the gate for parcels of these `sizes`, or None for nothing.

        What is void is given back: the quota has it again. Where the first parcel cannot go, all else is
        given back, too: another may lack just these. So from now on nobody uses them.
        """
        there = self.tokens(now)
        least, most = sizes[0], sum(sizes[: self._count(width, now)])
        if there >= least:
            goes = self._goes(now)
            least, most = 1, max(0, most - goes)
        else:
            there = goes = 0
        coming = max(0, self._coming(limit, now) - goes - most)
        if not most and not (coming and now >= self.low_at):
            return None
        old = [lot for lot in self.lots if lot.void_at <= now or not there]
        for lot in old:
            self.lots.remove(lot)
        waited = 0.0 if self.refused_at is None else now - self.refused_at
        self.spent = self.passed = 0
        return Demand(
            least,
            most,
            sum(lot.tokens for lot in old),
            sum(lot.back(limit.rate, now) for lot in old) if limit.rate else 0.0,
            self.day,
            waited,
            coming,
        )

    def _goes(self, now: float) -> int:
        """Return how many of the tokens are used: once it is low by time, what goes before they are void."""
        if now < self.low_at:
            return self.tokens(now)
        pace, goes = self.passed / max(SPACING, now - self.asked_at), 0
        for lot in self.lots:
            goes = max(goes, min(goes + lot.tokens, int(pace * (lot.void_at - now))))
        return goes

    def _count(self, width: int, now: float) -> int:
        """Return for how many parcels to borrow: twice as many as went, or all that go in a lot's time."""
        return max(width, 2 * self.spent, self._in_time(self.spent, now))

    def _coming(self, limit: Limit, now: float) -> int:
        """Return how many recipients go in a lot's time if more mail is claimed than waits here now.

        Of a quota nothing is lent for mail that may not come: what a daemon leaves with is lost to the day.
        """
        if limit.quota is not None:
            return 0
        coming = self._in_time(self.passed, now)
        # Who may be faster in the next tenth of a second; where others need what there is, nothing is spare.
        return coming + max(0, min(coming // 2, int(self.left or 0) // _SPARE))

    def _in_time(self, count: int, now: float) -> int:
        """Return how many go in a lot's time, where `count` went since it asked."""
        return int(count * BORROWED / max(SPACING, now - self.asked_at))

    def receive(self, grant: Grant, limit: Limit, began: float, now: float) -> None:
        """Take what was lent by the answer to what was asked when it `began`."""
        if grant.count:
            # From before the borrowing: by its answer, some of the time is already over. Where all of it is,
            # as the database is slow, or busy with our claims, mail must go on all the same.
            self.lots.append(_Lot(grant.count, max(began + BORROWED, now + SPACING), began))
        self.lead = min(BORROWED, max(SPACING, 2 * (now - began), _REMEMBERED * self.lead))
        # Of a quota, or where there is little, nothing is lent beside what may still be used.
        has_plenty = grant.count > 0 and grant.short_of is None and limit.quota is None
        self.low_at = self.lots[-1].void_at - self.lead if has_plenty else inf
        self.told = False
        self.until_low = self.tokens(now) * 2 // 3
        # What is left over when these are used has to be told that it waits for long.
        wait = min(max(SPACING, grant.wait), BORROWED) if grant.count else max(_TICK, grant.wait)
        self.ask_at = now + wait
        self.asked_at = began
        self.left, self.short_of, self.day = grant.tokens, grant.short_of, grant.day
        self.rest = None if limit.quota is None else limit.quota - grant.used
        if grant.count:
            self.refused_at = None
        elif self.refused_at is None and not self.tokens(now):
            self.refused_at = began
        if self.rest is not None and not grant.count and any(lot.tokens for lot in self.lots):
            # The quota has back what is void then, and is not spent before.
            self.ask_at = min(self.ask_at, max(now + _TICK, self.lots[-1].void_at))

    def filled(self, limit: Limit, now: float) -> float:
        """Return the tokens that the gate has by now, unless others borrow them."""
        return Bucket(self.left, now - self.asked_at).filled(limit)
