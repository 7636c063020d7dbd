"""What a claim and a record cost in the daemon's own statements, whatever else the table holds.

Four databases stand side by side: an empty one, two with finished rows, one with deferred ones. Each is
asked for one claim in turn, so that all see the same machine.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from bench.databases import NAMES
from bench.fill import Filler
from bench.percentiles import percentiles
from bench.shop import shop
from bench.study import Goal, Study
from outbox.delivery.retry import RetryPolicy
from outbox.mail.status import OnDoubt
from outbox.mail.verdict import Answer, Sent
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.worker.settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLAIM = 200
_CLAIMS = 150
_SENT = Sent(Answer(250, "2.0.0", "2.0.0 Ok: queued as 4ABCDE"), "4ABCDE")
_POLICY = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Past:
    """What a table holds beside the mails that are due."""

    finished: int = 0
    deferred: int = 0

    def __str__(self) -> str:
        if self.deferred:
            return f"{self.deferred:,} deferred"
        return f"{self.finished:,} finished" if self.finished else "nothing"


@dataclass(frozen=True, slots=True)
class ClaimCost:
    """Milliseconds of a claim of 200 and of their record; `filled` is how many seconds the filling took."""

    past: Past
    filled: float
    claims: int
    claim_p50: float
    claim_p99: float
    record_p50: float
    record_p99: float


class _Table:
    """One database, with its past and what waits in it."""

    def __init__(self, stack: ExitStack, kind: str, past: Past) -> None:
        opened = stack.enter_context(shop(kind))
        began = time.perf_counter()
        filler = Filler(opened.engine, kind)
        filler.sent(past.finished)
        filler.deferred(past.deferred)
        filler.waiting(_CLAIMS * _CLAIM)
        filler.tidy()
        self._filled = time.perf_counter() - began
        self._past = past
        database = Database(opened.url)
        stack.callback(database.close)
        self._queue = Queue(database)
        self._holder = uuid4()
        self._claims: list[float] = []
        self._records: list[float] = []

    def claim_and_record(self) -> None:
        """Do what the daemon does for 200 mails."""
        began = time.perf_counter()
        claims = self._queue.claim(self._holder, _CLAIM)
        claimed = time.perf_counter()
        settlements = [settle(claim, _SENT, "relay", OnDoubt.RESEND, _POLICY, 0.5) for claim in claims]
        ready = time.perf_counter()
        recorded = self._queue.record(self._holder, settlements, doubt_pause=600)
        self._records.append((time.perf_counter() - ready) * 1000)
        self._claims.append((claimed - began) * 1000)
        assert recorded.applied == _CLAIM

    @property
    def cost(self) -> ClaimCost:
        """What was measured."""
        (claim_p50, claim_p99), (record_p50, record_p99) = map(percentiles, (self._claims, self._records))
        return ClaimCost(
            self._past, self._filled, len(self._claims), claim_p50, claim_p99, record_p50, record_p99
        )


def claim_costs(kind: str, mails: int) -> list[ClaimCost]:
    """Measure beside nothing, beside 50 and 250 times as many finished rows, and 5 times as many deferred."""
    pasts = (Past(), Past(finished=50 * mails), Past(finished=250 * mails), Past(deferred=5 * mails))
    with ExitStack() as stack:
        tables = [_Table(stack, kind, past) for past in pasts]
        for _ in range(_CLAIMS):
            for table in tables:
                table.claim_and_record()
        return [table.cost for table in tables]


def slowdown(costs: list[ClaimCost]) -> float:
    """Return how much longer a claim takes, at the median, beside the most finished rows than beside none."""
    most = max(costs, key=lambda cost: cost.past.finished)
    return most.claim_p50 / next(cost for cost in costs if cost.past == Past()).claim_p50


def _rows(costs: list[ClaimCost]) -> Iterator[tuple[str, ...]]:
    for cost in costs:
        values = (cost.claim_p50, cost.claim_p99, cost.record_p50, cost.record_p99)
        yield str(cost.past), *(f"{value:.1f}" for value in values), f"{cost.filled:.0f}"


HISTORY = Study(
    "history",
    "What a claim of 200 and its record cost beside other rows, in ms",
    NAMES,
    ("beside", "claim p50", "p99", "record p50", "p99", "filled in s"),
    claim_costs,
    _rows,
    (Goal("a claim's cost beside the most finished rows, as a multiple of none", 1.5, slowdown, upper=True),),
)
