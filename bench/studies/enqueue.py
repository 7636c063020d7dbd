"""What an application pays: one mail in one transaction, beside the same transaction without it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.corpus import composed
from bench.databases import NAMES
from bench.order import ORDERS, page
from bench.percentiles import percentiles
from bench.shop import shop
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections.abc import Iterator

_WARM = 50
_TRANSACTIONS = 1_000


@dataclass(frozen=True, slots=True)
class EnqueueCost:
    """p50 and p99 in milliseconds of a transaction with one INSERT and its COMMIT.

    `plain` is without a mail, `ready` with the bytes of one, `mail` with one that is made and composed first.
    """

    transactions: int
    plain: tuple[float, float]
    ready: tuple[float, float]
    mail: tuple[float, float]

    def added(self, of: tuple[float, float]) -> float:
        """Return what a mail adds to the transaction, as a part of what that takes without it."""
        return (of[0] - self.plain[0]) / self.plain[0]


def enqueue_cost(kind: str, _mails: int) -> EnqueueCost:
    """Measure the kinds of transaction in turn, so that all see the same machine."""
    with shop(kind) as opened:
        ORDERS.create(opened.engine)
        plain, ready, mail = [], [], []
        for n in range(_WARM + _TRANSACTIONS):
            bytes_of_it = composed(n)
            plain.append(page(opened))
            ready.append(page(opened, partial(opened.enqueue_ready, mime=bytes_of_it)))
            mail.append(page(opened, partial(opened.enqueue, n=n)))
    return EnqueueCost(_TRANSACTIONS, *(percentiles(values[_WARM:]) for values in (plain, ready, mail)))


def _rows(cost: EnqueueCost) -> Iterator[tuple[str, ...]]:
    for name, values in (("no mail", cost.plain), ("a ready mail", cost.ready), ("a mail", cost.mail)):
        yield name, *(f"{value:.2f}" for value in values), f"{cost.added(values):+.2f}"


ENQUEUE = Study(
    "enqueue",
    "What a mail adds to the transaction that enqueues it, in ms, and as a part of that transaction",
    NAMES,
    ("with", "p50", "p99", "added"),
    enqueue_cost,
    _rows,
    (
        Goal(
            "what a ready mail adds to a transaction, as a part of it",
            0.6,
            lambda cost: cost.added(cost.ready),
            upper=True,
            only=("postgresql",),
        ),
        Goal(
            "what a mail and its composing add to a transaction, as a part of it",
            1.0,
            lambda cost: cost.added(cost.mail),
            upper=True,
            only=("postgresql",),
        ),
    ),
)
