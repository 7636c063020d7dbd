"""What a page pays while the daemon drains a large queue: `enqueue`, on a busy database.

A page comes 10 ms after the one before it, in turn without a mail and with one, until the queue is empty.
They are few, so that what is measured is their wait and not their own load.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.daemon import daemon, until
from bench.databases import NAMES
from bench.order import ORDERS, page
from bench.percentiles import percentiles
from bench.postfix import counting_sink
from bench.shop import shop
from bench.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.daemon import Daemon
    from bench.shop import Shop

_PACE = 0.01
_START = 30.0
_LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class PageCost:
    """Milliseconds of a transaction without a mail and with one, while `rate` mails a second went out."""

    pages: int
    rate: float
    plain_p50: float
    plain_p99: float
    mail_p50: float
    mail_p99: float


def page_cost(kind: str, mails: int) -> PageCost:
    """Let the daemon drain three times as many mails as a drain has, and pages come meanwhile."""
    queued = 3 * mails
    with (
        shop(kind) as opened,
        counting_sink() as server,
        tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder,
    ):
        ORDERS.create(opened.engine)
        opened.fill(queued)
        with daemon(opened.url, server.port, Path(folder)) as running:
            until(lambda: server.taken() > 0, _PACE, _START, [running], server.taken)
            began, before = time.perf_counter(), server.taken()
            plain, mail = _pages(opened, lambda: server.taken() >= queued, running)
            rate = (server.taken() - before) / (time.perf_counter() - began)
    (plain_p50, plain_p99), (mail_p50, mail_p99) = map(percentiles, (plain, mail))
    return PageCost(len(plain) + len(mail), rate, plain_p50, plain_p99, mail_p50, mail_p99)


def _pages(opened: Shop, drained: Callable[[], bool], running: Daemon) -> tuple[list[float], list[float]]:
    """Serve pages at a steady pace until it is drained; return their milliseconds without a mail and with."""
    plain: list[float] = []
    mail: list[float] = []

    def serve() -> bool:
        if len(plain) > len(mail):
            mail.append(page(opened, partial(opened.enqueue, n=len(mail))))
        else:
            plain.append(page(opened))
        return drained()

    page(opened, partial(opened.enqueue, n=0))  # connects
    until(serve, _PACE, _LONGEST, [running], lambda: f"{len(mail)} pages with a mail")
    return plain, mail


def _rows(cost: PageCost) -> Iterator[tuple[str, ...]]:
    values = (cost.plain_p50, cost.mail_p50, cost.plain_p99, cost.mail_p99)
    yield str(cost.pages), f"{cost.rate:,.0f}", *(f"{value:.2f}" for value in values)


PAGES = Study(
    "pages",
    "What a mail adds to a page's transaction while the daemon drains, in ms",
    NAMES,
    ("pages", "mails/s", "p50 without", "p50 with a mail", "p99 without", "p99 with a mail"),
    page_cost,
    _rows,
)
