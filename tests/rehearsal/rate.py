"""Several daemons send by one relay whose rate is limited, and its clock tells how they kept to it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import Application, RunningDaemon
from tests.support.timed_relay import TimedRelay
from tests.support.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Kept:
    """What came by the relay's clock: recipients a second, and the most in any second."""

    rate: float
    most_in_a_second: int


@contextmanager
def daemons(
    count: int, url: str, folder: Path, *, port: int, **settings: object
) -> Iterator[list[RunningDaemon]]:
    """Run so many daemons."""
    with ExitStack() as stack:
        running = [RunningDaemon(url, folder, port=port, **settings) for _ in range(count)]
        for daemon in running:
            stack.callback(daemon.kill)
            daemon.launch()
        for daemon in running:
            daemon.wait_begun()
        yield running


def share_a_rate(
    app: Application, url: str, folder: Path, *, rate: int, seconds: float, count: int = 2
) -> Kept:
    """Let `count` daemons share `rate` recipients a second for so long; there is always more to send."""
    with TimedRelay() as relay:
        app.enqueue(int(rate * (seconds * 1.2 + 5)))
        with daemons(count, url, folder, port=relay.port, smtp_rate=f"{rate}/s"):
            wait_until(lambda: len(relay.arrivals) > rate, "the first second is over")
            began = time.monotonic()
            wait_until(lambda: time.monotonic() - began >= seconds, "the time is over", seconds + 30)
        (sent,) = relay.counts(began, began + seconds, seconds)
        return Kept(sent / seconds, relay.most_in_a_second())
