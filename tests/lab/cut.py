"""Cut a daemon's connections to its database at random bytes while an application goes on enqueueing."""

import time
from pathlib import Path
from random import Random
from statistics import mean

from tests.lab.closing import reconciled, wait_drained
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.ledger import LedgerSink
from tests.support.proxy_link import Way
from tests.support.waiting import wait_until

_MOST = 30_000
"""Bytes before a cut, at most: some transactions of a busy daemon."""


def drive(database: str, *, cycles: int, seed: int, folder: Path) -> Result:
    """Cut `cycles` times, drain, reconcile: a daemon that lives keeps its verdicts, and doubles nothing."""
    random = Random(seed)
    began = time.monotonic()
    with (
        fresh(database, folder) as url,
        application(url) as app,
        LedgerSink() as sink,
        DatabaseProxy(url) as proxy,
        RunningDaemon(proxy.url(), folder, port=sink.port) as daemon,
    ):
        shop = Shop(app, Random(seed), lambda: len(sink.entries()))
        with shop:
            waits = [_cut(proxy, random) for _ in range(cycles)]
        took = time.monotonic() - began
        wait_drained(app)
        code = daemon.terminate()
        account = reconciled(shop, sink, app.engine, folder)
    failures = [f"the daemon ended with code {code}"] if code else []
    figures = f"{cycles} connections cut in {took:.0f} s ({mean(waits):.2f} s between two), {account.figures}"
    return Result("cut", database, seed, figures, (*account.broken, *failures))


def _cut(proxy: DatabaseProxy, random: Random) -> float:
    """Cut behind some bytes that go one way or the other; return the seconds until it has happened."""
    began = time.monotonic()
    # Small numbers are as likely as large ones: a connection breaks in its first statement, too.
    cut = proxy.cut_after(random.choice(list(Way)), int(_MOST ** random.random()))
    wait_until(cut.struck.is_set, "enough bytes have gone for a cut")
    return time.monotonic() - began
