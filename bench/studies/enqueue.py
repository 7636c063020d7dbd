"""What an application pays: one mail in one transaction, beside the same transaction without it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bench.corpus import SENDER, composed, email
from bench.databases import NAMES
from bench.order import ORDERS, page
from bench.percentiles import percentiles
from bench.shop import shop
from bench.study import Study
from outbox.mail.address import parse_address
from outbox.mail.compose import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

_WARM = 50
_TRANSACTIONS = 1_000
_COMPOSED = 2_000


@dataclass(frozen=True, slots=True)
class EnqueueCost:
    """Milliseconds of a transaction with one INSERT and its COMMIT, and of one that also enqueues a mail.

    `composing` has the microseconds of that which go into making and composing a mail of `size` bytes.
    """

    transactions: int
    plain_p50: float
    plain_p99: float
    mail_p50: float
    mail_p99: float
    composing: float
    size: int


def enqueue_cost(kind: str, _mails: int) -> EnqueueCost:
    """Measure both kinds of transaction in turn, so that both see the same machine."""
    with shop(kind) as opened:
        ORDERS.create(opened.engine)
        for n in range(_WARM):
            page(opened, n)
        plain, mail = [], []
        for n in range(_TRANSACTIONS):
            plain.append(page(opened, None))
            mail.append(page(opened, n))
    (plain_p50, plain_p99), (mail_p50, mail_p99) = map(percentiles, (plain, mail))
    size = len(composed(12345))
    return EnqueueCost(_TRANSACTIONS, plain_p50, plain_p99, mail_p50, mail_p99, _compose_cost(), size)


def _compose_cost() -> float:
    sender = parse_address("sender", SENDER)
    now = datetime.now(UTC)
    began = time.perf_counter()
    for n in range(_COMPOSED):
        compose(email(n), id=UUID(int=n), sender=sender, at=now)
    return (time.perf_counter() - began) / _COMPOSED * 1e6


def _rows(cost: EnqueueCost) -> Iterator[tuple[str, ...]]:
    values = (cost.plain_p50, cost.mail_p50, cost.plain_p99, cost.mail_p99)
    yield *(f"{value:.2f}" for value in values), f"{cost.composing:.0f}", str(cost.size)


ENQUEUE = Study(
    "enqueue",
    "What a mail adds to the transaction that enqueues it, in ms; and composing alone, in us",
    NAMES,
    ("p50 without", "p50 with a mail", "p99 without", "p99 with a mail", "composing", "bytes"),
    enqueue_cost,
    _rows,
)
