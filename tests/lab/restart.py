"""Restart the database, in order and by a crash, while daemons drain a queue."""

import time
from pathlib import Path
from random import Random
from statistics import mean

from outbox.mail.status import Status
from tests.lab.closing import reconciled, wait_drained
from tests.lab.fleet import fleet
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import Application, application
from tests.support.ledger import LedgerSink
from tests.support.mariadb import MariadbServer
from tests.support.postgres import PostgresServer
from tests.support.waiting import wait_until

_BACKLOG = 1000
"""Recipients that wait at a restart, at least: mostly more than all daemons together hold."""

_SLOWNESS = 0.03
"""Seconds that the relay takes for a mail, so that the backlog lasts."""

_BOUND = 10.0
"""Seconds after a restart within which a mail must be sent that no daemon held before."""


def drive(
    database: str, *, cycles: int, seed: int, folder: Path, size: int = 4, backlog: int = _BACKLOG
) -> Result:
    """Restart a private server `cycles` times during a drain, every second time by a crash; reconcile."""
    random = Random(seed)
    server = PostgresServer() if database == "PostgreSQL" else MariadbServer()
    with server, application(server.url) as app, LedgerSink(delay=_SLOWNESS) as sink:
        shop = Shop(app, random, lambda: len(sink.entries()))
        with fleet(server.url, folder, port=sink.port, size=size, lease_ttl=3) as daemons:
            resumed = []
            for cycle in range(cycles):
                _wait_for_a_moment(shop, sink, random, backlog)
                server.restart("immediate" if cycle % 2 else "fast")
                resumed.append(_wait_resumed(app))
            wait_drained(app)
            codes = daemons.terminate()
        account = reconciled(shop, sink, app.engine, folder)
    failures = [f"a daemon ended with code {code}" for code in codes if code]
    failures += [f"resumed only after {wait:.1f} s" for wait in resumed if wait > _BOUND]
    figures = (
        f"{cycles} restarts under {size} daemons, resumed after {mean(resumed):.2f} s (longest "
        f"{max(resumed):.2f}), {account.figures}"
    )
    return Result("restart", database, seed, figures, (*account.broken, *failures))


def _wait_for_a_moment(shop: Shop, sink: LedgerSink, random: Random, backlog: int) -> None:
    """Enqueue enough for a drain, and wait until the daemons are somewhere in it."""
    shop.trade(random.randint(1, 50), keep=False)
    waiting = len(shop.committed) - len(sink.entries())
    # In one transaction, which no daemon can keep up with.
    shop.trade(max(1, 2 * backlog - waiting))
    enough = len(sink.entries()) + random.randint(1, backlog)
    wait_until(lambda: len(sink.entries()) >= enough, "the daemons drain")


def _wait_resumed(app: Application) -> float:
    """Wait until a mail is sent that no daemon held when the server went away; return the seconds."""
    began = time.monotonic()
    # Its connections are those to the server before.
    app.engine.dispose()
    counts = app.counts()
    # Where they held all that was left: until all of it is sent.
    app.wait_sent(min(counts[Status.SENT] + counts[Status.SENDING] + 1, counts.total()))
    return time.monotonic() - began
