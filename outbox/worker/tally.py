"""Count what the daemon does, for whoever looks: a few increments a mail, and no lock.

Written on the event loop only. Other threads read what they find there, which a moment later may be more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from outbox import events
from outbox.mail.status import Status
from outbox.store.sessions import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outbox.mail.status import Settlement

SEND_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: from a relay in the same rack to one that scans each mail."""

QUEUE_BOUNDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Seconds: from a login code that is waited for to an outage of a day."""


class Histogram:
    """How many observations were at most so many seconds; `counts` has one more, for those above all."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class Tally:
    """What one daemon has counted since its start; the numbers are of deliveries but where it says else.

    By relay: `sent`, `doubts`, and `faults` (of the relay, each met by one sender). By relay and class of the
    reply code: `failed` and `deferred`. By relay: the seconds in which a transaction was judged (`sending`),
    and those for which deliveries had been due when that began (`waiting`). `totals` are what sessions tell.
    """

    def __init__(self) -> None:
        self.totals = Totals()
        self.sent: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.deferred: Counter[tuple[str, str]] = Counter()
        self.doubts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.sending: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SEND_BOUNDS))
        self.waiting: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(QUEUE_BOUNDS))

    def settled(self, settlement: Settlement) -> None:
        """Count a verdict that the database has, and say what operators look for."""
        relay = settlement.relay
        if settlement.doubt:
            self.doubts[relay] += 1
        match settlement.target:
            case Status.SENT:
                self.totals.sent += 1
                self.sent[relay] += 1
            case Status.FAILED:
                self.totals.failed += 1
                self.failed[relay, code_class(settlement)] += 1
                events.delivery_failed(settlement)
            case Status.PENDING if settlement.judged:
                self.totals.deferred += 1
                self.deferred[relay, code_class(settlement)] += 1
                events.delivery_deferred(settlement)
            case _:
                pass

    def judged(self, relay: str, took: float, waited: Sequence[float]) -> None:
        """Count a transaction that took so long, and how long each of its deliveries had waited for it."""
        self.sending[relay].observe(took)
        waiting = self.waiting[relay]
        for seconds in waited:
            waiting.observe(seconds)


def code_class(settlement: Settlement) -> str:
    """Return the class of the relay's reply code, such as 5xx; none where it was not the relay's word."""
    return f"{settlement.answer.code // 100}xx" if settlement.answer else "none"
