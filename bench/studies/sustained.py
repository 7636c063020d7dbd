"""How many mails a second go all the way, from an application's COMMIT to the recorded answer, for long.

Eight connections of two application processes commit a mail a transaction, as fast as they can, while one
daemon drains. The queue is kept from growing without bound: once more mails wait than are sent in about
half a second, the applications wait, too. So the rate is that of whoever is slower, and how long the
applications waited says who that is.
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bench.customers import CONNECTIONS, Flow, customers
from bench.daemon import daemon, until
from bench.percentiles import percentiles
from bench.postfix import counting_sink
from bench.process import busy_seconds, cpu_seconds
from bench.shop import shop
from bench.study import Goal, Study
from outbox.mail.status import Status
from outbox.store.database import Database
from outbox.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.daemon import Daemon
    from bench.postfix import CountingSink

_DEPTH = 2_000
_LOOK = 0.02
_START = 60.0
_WINDOW = 1 / 600
"""Seconds of the steady window for each mail of a drain: half a minute for 20,000."""
_SHORTEST = 2.0
_POLL = 0.1
_STOP = 60.0


@dataclass(frozen=True, slots=True)
class Instant:
    """Where everybody stands; CPU in seconds, and `rest` is the database's with the kernel's."""

    at: float
    committed: int
    sent: int
    waited: float
    daemon: float
    applications: float
    server: float
    rest: float

    def since(self, start: Instant) -> Instant:
        """Return what has been done since `start`."""
        return Instant(*(getattr(self, one.name) - getattr(start, one.name) for one in fields(Instant)))


@dataclass(frozen=True, slots=True)
class Sustained:
    """The steady window, the mails that waited at its ends, and milliseconds of the transactions in it."""

    window: Instant
    depth_before: int
    depth_after: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Mails a second that were sent."""
        return self.window.sent / self.window.at


def sustained(kind: str, mails: int) -> Sustained:
    """Measure a steady window, then let the daemon finish and see that nothing was lost or sent twice."""
    flow = Flow()
    with (
        shop(kind) as opened,
        counting_sink() as server,
        tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder,
        daemon(opened.url, server.port, Path(folder)) as running,
    ):

        def look(applications: Sequence[int]) -> Instant:
            cpu = (cpu_seconds(running.pid), sum(map(cpu_seconds, applications)), cpu_seconds(server.pid))
            rest = busy_seconds() - sum(cpu) - time.process_time()
            return Instant(time.perf_counter(), flow.committed, server.taken(), flow.waited, *cpu, rest)

        def go_on(is_over: Callable[[], bool], within: float) -> None:
            def is_reached() -> bool:
                flow.allow(server.taken() + _DEPTH)
                return is_over()

            until(is_reached, _LOOK, within, [running], lambda: f"{flow.committed} mails committed")

        with customers(opened.url, flow) as applications:
            go_on(lambda: server.taken() > 2 * _DEPTH, _START)
            start = look(applications)
            closing = start.at + max(_WINDOW * mails, _SHORTEST)
            go_on(lambda: time.perf_counter() > closing, math.inf)
            end = look(applications)
        _finish(opened.url, running, server, flow.committed)
    depths = (start.committed - start.sent, end.committed - end.sent)
    return Sustained(end.since(start), *depths, *percentiles(flow.milliseconds))


def _finish(url: str, running: Daemon, server: CountingSink, committed: int) -> None:
    database = Database(url)
    queue = Queue(database)
    try:
        until(lambda: server.taken() >= committed, _LOOK, _STOP, [running], queue.counts)
        until(lambda: queue.counts() == {Status.SENT: committed}, _POLL, _STOP, [running], queue.counts)
    finally:
        database.close()
    if server.taken() != committed:
        raise RuntimeError(f"of {committed} mails the server has got {server.taken()}")


def _rows(found: Sustained) -> Iterator[tuple[str, ...]]:
    window = found.window
    cpu = (window.applications, window.daemon, window.server, window.rest)
    yield (
        f"{found.rate:,.0f}",
        f"{window.committed / window.at:,.0f}",
        f"{found.depth_before:,}",
        f"{found.depth_after:,}",
        f"{100 * window.waited / window.at / CONNECTIONS:.0f} %",
        f"{found.p50:.1f}",
        f"{found.p99:.1f}",
        *(f"{1000 * part / window.sent:.3f}" for part in cpu),
    )


SUSTAINED = Study(
    "sustained",
    "Mails a second from COMMIT to the recorded answer; depth of the queue; CPU s / 1,000 of each part",
    ("postgresql",),
    (
        "sent/s",
        "committed/s",
        "depth before",
        "after",
        "waited for it",
        "p50 ms",
        "p99 ms",
        "CPU: applications",
        "daemon",
        "server",
        "rest",
    ),
    sustained,
    _rows,
    (Goal("mails a second, sustained", 1000, lambda found: found.rate, aim=3300),),
)
