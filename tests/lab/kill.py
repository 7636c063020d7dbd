"""Kill daemons with SIGKILL at random moments while an application goes on enqueueing."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import mean

from outbox.mail.status import Status
from tests.lab.closing import reconciled, wait_drained
from tests.lab.fleet import fleet
from tests.lab.oracle import Account, Kill
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

SLOWNESS = 0.03
"""Seconds that the relay takes for a mail, as real ones do: else a kill would seldom meet any."""

LONGEST = 1.2
"""Seconds between two kills, at most: less than a TTL, so that kills meet rescues too."""


def drive(
    database: str,
    *,
    cycles: int,
    seed: int,
    folder: Path,
    size: int = 4,
    lease_ttl: float = 3,
    journal: bool = False,
) -> Result:
    """Kill one of `size` daemons `cycles` times, drain, and reconcile; with a `journal` they know more."""
    random = Random(seed)
    began = time.monotonic()
    place = folder if journal else None
    with fresh(database, folder) as url, application(url) as app, LedgerSink(delay=SLOWNESS) as sink:
        shop = Shop(app, Random(seed), lambda: len(sink.entries()))
        with fleet(url, folder, port=sink.port, size=size, lease_ttl=lease_ttl, journals=place) as daemons:
            kills = []
            with shop:
                for _ in range(cycles):
                    victim = daemons.any(random)
                    _wait_for_a_moment(random, sink)
                    kills.append(daemons.kill(victim, app.engine))
            took = time.monotonic() - began
            wait_drained(app)
            codes = daemons.terminate()
        account = reconciled(shop, sink, app.engine, folder, kills)
    failures = [f"a daemon ended with code {code}" for code in codes if code]
    figures = f"{cycles} kills of {size} daemons in {took:.0f} s, {_figures(account, kills)}"
    return Result("journal" if journal else "kill", database, seed, figures, (*account.broken, *failures))


def _wait_for_a_moment(random: Random, sink: LedgerSink) -> None:
    """Wait for nothing but time, or until some mails more have arrived."""
    end = time.monotonic() + random.uniform(0, LONGEST)
    enough = len(sink.entries()) + random.choice((1, 10, 100, 1_000_000))
    wait_until(lambda: time.monotonic() > end or len(sink.entries()) >= enough, "it is time to kill")


def _figures(account: Account, kills: Sequence[Kill]) -> str:
    unrecorded = account.unrecorded
    return (
        f"{sum(bool(kill.held) for kill in kills)} of them while it held mail, "
        f"{account.figures} of {sum(unrecorded)} dots unrecorded at the kills "
        f"(mean {mean(unrecorded):.2f}, most {max(unrecorded)}), "
        f"in doubt as asked {account.ends[Status.IN_DOUBT]}, poison {account.ends[Status.HELD]}"
    )
