"""What an application pays: one mail in one transaction, beside the same transaction without it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert

import outbox
from bench.corpus import SENDER, composed, email
from bench.databases import fresh_database
from outbox.mail.address import parse_address
from outbox.mail.compose import compose

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ORDERS = Table(
    "orders",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("customer", String(100)),
)
_WARM = 50


@dataclass(frozen=True, slots=True)
class EnqueueCost:
    """Milliseconds of a transaction with one INSERT and its COMMIT, and of one that also enqueues a mail."""

    transactions: int
    plain_p50: float
    plain_p99: float
    mail_p50: float
    mail_p99: float


def enqueue_cost(kind: str, transactions: int) -> EnqueueCost:
    """Measure both kinds of transaction in turn, so that both see the same machine."""
    with fresh_database(kind) as url:
        engine = create_engine(url)
        try:
            if engine.dialect.name == "sqlite":
                outbox.prepare_sqlite(engine)
            outbox.migrate(engine)
            _ORDERS.create(engine)
            shop = outbox.Outbox(sender=SENDER)
            for n in range(_WARM):
                _transaction(engine, shop, n)
            plain, mail = [], []
            for n in range(transactions):
                plain.append(_transaction(engine, None, n))
                mail.append(_transaction(engine, shop, n))
        finally:
            engine.dispose()
    (plain_p50, plain_p99), (mail_p50, mail_p99) = map(_percentiles, (plain, mail))
    return EnqueueCost(transactions, plain_p50, plain_p99, mail_p50, mail_p99)


def compose_cost(mails: int) -> float:
    """Return the microseconds that one mail takes to be made and composed, without any database."""
    sender = parse_address("sender", SENDER)
    now = datetime.now(UTC)
    began = time.perf_counter()
    for n in range(mails):
        compose(email(n), id=UUID(int=n), sender=sender, at=now)
    return (time.perf_counter() - began) / mails * 1e6


def composed_size() -> int:
    """Return the bytes of one composed mail."""
    return len(composed(12345))


def _transaction(engine: Engine, shop: outbox.Outbox | None, n: int) -> float:
    began = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(insert(_ORDERS), {"customer": "Ada"})
        if shop is not None:
            shop.enqueue(connection, email(n))
    return (time.perf_counter() - began) * 1000


def _percentiles(milliseconds: list[float]) -> tuple[float, float]:
    hundredths = quantiles(milliseconds, n=100)
    return hundredths[49], hundredths[98]
