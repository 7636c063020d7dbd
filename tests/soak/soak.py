"""Let a daemon send at half of what it can, with a fault each half minute, and see that it stays as it is."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from outbox.worker.duties import KEEP_HOUSE_EVERY, PRUNE_EVERY
from tests.lab.closing import reconciled, wait_drained
from tests.lab.oracle import Account
from tests.lab.places import fresh
from tests.lab.shop import Shop
from tests.soak.faults import Faults, of_the_database, of_the_host, of_the_relay
from tests.soak.feed import Feed
from tests.soak.rubbish import rubbish
from tests.soak.samples import Sample, Sampler, look
from tests.soak.steadiness import SPARE, SPARE_OF_SQLITE, breaches
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.ledger import LedgerSink
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import wait_until

# What is in doubt, or was deferred as its connection was cut before the dot, shall end within the run; and no
# idle connection hides one that leaks.
_SETTINGS = {"doubt_pause": 1, "retry_base": 1, "retry_cap": 5, "smtp_idle": 1}

_AT_ONCE = 2000
"""Recipients on their way while the full rate is measured."""

_BACKLOG = 30
"""Seconds of work that may wait: an outage's, and not a mountain."""

_CALM = 3.0
"""Seconds without a change after which a daemon is idle."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, in seconds: the run, what is before it, and the times between faults and looks.

    After `warm` seconds a daemon has done each of its duties once, and has begun their threads, but for the
    one that waits for an hour.
    """

    seconds: float
    warm: float = KEEP_HOUSE_EVERY + 2
    measured: float = 10
    fault_every: float = 30
    look_every: float = 2


@dataclass(frozen=True, slots=True)
class Soaked:
    """What was found: `full` is the full rate in recipients a second; `broken` names each breach."""

    full: float
    samples: list[Sample]
    happened: list[tuple[float, str]]
    before: Sample
    after: Sample
    account: Account
    broken: list[str]


def soak(
    database: str,
    plan: Plan,
    *,
    seed: int,
    folder: Path,
    kind: type[RunningDaemon] = RunningDaemon,
) -> Soaked:
    """Run one daemon of this `kind` through it."""
    with fresh(database, folder) as url, application(url) as app, LedgerSink() as sink, ExitStack() as stack:
        relay = stack.enter_context(DatabaseProxy(f"smtp://{sink.host}:{sink.port}"))
        proxy = None if database == "SQLite" else stack.enter_context(DatabaseProxy(url))
        disk = stack.enter_context(_disk(folder, plan.seconds))
        settings = {**_SETTINGS, "state_dir": disk.place} if disk else _SETTINGS
        daemon = kind(proxy.url() if proxy else url, folder, port=relay.port, **settings)
        stack.enter_context(daemon)
        warm = time.monotonic() + plan.warm
        faults = [
            *of_the_relay(relay, stack.enter_context(rubbish(Random(seed)))),
            *(of_the_database(proxy) if proxy else []),
            *of_the_host(daemon, disk),
        ]

        def arrived() -> int:
            return len(sink.entries())

        shop = Shop(app, Random(seed), arrived)
        full = _full_rate(shop, plan.measured, arrived)
        wait_until(lambda: time.monotonic() > warm, "it is warm", plan.warm + 30)
        before = _idle(daemon, app)
        with (
            Feed(shop, full / 2, full / 2 * _BACKLOG, arrived),
            Faults(faults, plan.fault_every, Random(seed)) as faulty,
            Sampler(daemon.pid, plan.look_every, arrived) as sampler,
        ):
            end = time.monotonic() + plan.seconds
            wait_until(
                lambda: time.monotonic() > end or not daemon.is_running(),
                "the time is over",
                plan.seconds + 30,
            )
        after = _idle(daemon, app)
        code = daemon.terminate(60)
        account = reconciled(shop, sink, app.engine, folder, doubts_count=True)
    spare = SPARE if proxy else SPARE_OF_SQLITE
    pruning = int(time.monotonic() - warm + plan.warm > PRUNE_EVERY)
    broken = [*account.broken, *breaches(sampler.samples, before, after, spare, threads=pruning)]
    if code:
        broken.append(f"the daemon ended with code {code}")
    if "Traceback" in daemon.log():
        broken.append("the daemon met what it did not expect; its log tells")
    return Soaked(full, sampler.samples, faulty.happened, before, after, account, broken)


def _full_rate(shop: Shop, seconds: float, arrived: Callable[[], int]) -> float:
    """Feed as much as goes out for so many seconds; return the recipients a second, but for the beginning."""
    with Feed(shop, float("inf"), _AT_ONCE, arrived):
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > seconds / 3, "it is warm", seconds + 30)
        warm, first = time.monotonic(), arrived()
        wait_until(lambda: time.monotonic() - began > seconds, "it was measured", seconds + 30)
        return (arrived() - first) / (time.monotonic() - warm)


def _idle(daemon: RunningDaemon, app: Application) -> Sample:
    """Wait until the daemon has nothing to do and has closed what it does not need; look at it then."""
    wait_drained(app, 180)
    assert daemon.is_running(), daemon.log()[-2000:]
    found, since = look(daemon.pid), time.monotonic()

    def is_calm() -> bool:
        nonlocal found, since
        now = look(daemon.pid)
        if (now.descriptors, now.threads) != (found.descriptors, found.threads):
            found, since = now, time.monotonic()
        return time.monotonic() - since > _CALM

    wait_until(is_calm, "the daemon is idle", 60)
    return found


@contextmanager
def _disk(folder: Path, seconds: float) -> Iterator[SmallDisk | None]:
    """Give a disk for the journal, with room for the run; None where none can be mounted."""
    megabytes = min(64 + seconds / 60 * 32, 1200)
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(folder / "journal", int(megabytes * 1024)))
        except pytest.skip.Exception:
            disk = None
        yield disk
