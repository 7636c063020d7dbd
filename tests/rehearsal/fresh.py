"""Fresh mail of a stream of its own: how long each waits, from before its COMMIT until its relay has it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles

from tests.support.daemon import Application
from tests.support.timed_relay import TimedRelay
from tests.support.waiting import wait_until

_PAUSE = 0.2


class FreshMail:
    """Commits a mail five times a second; `relay` is that of its stream."""

    def __init__(self, app: Application, relay: TimedRelay, stream: str) -> None:
        self._app = app
        self._relay = relay
        self._stream = stream
        self._began: list[float] = []
        self._end = threading.Event()

    def waits(self) -> list[float]:
        """Return the seconds that each mail waited, once the last one has come."""
        wait_until(lambda: len(self._relay.arrivals) >= len(self._began), "all fresh mail has come")
        came = {each.first: each.at for each in self._relay.arrivals}
        return [came[_recipient(n)] - began for n, began in enumerate(self._began)]

    def work(self) -> None:
        """Go on until the end."""
        while not self._end.wait(_PAUSE):
            self._began.append(time.monotonic())
            self._app.enqueue_one(to=_recipient(len(self._began) - 1), text="Hello.", stream=self._stream)

    def end(self) -> None:
        """Commit nothing more."""
        self._end.set()


@contextmanager
def fresh_mail(app: Application, relay: TimedRelay, stream: str) -> Iterator[FreshMail]:
    """Commit fresh mail until the end of the block."""
    mail = FreshMail(app, relay, stream)
    thread = threading.Thread(target=mail.work)
    thread.start()
    try:
        yield mail
    finally:
        mail.end()
        thread.join()


def p99(waits: list[float]) -> float:
    """Return what one in a hundred exceeds."""
    return quantiles(waits, n=100)[98]


def _recipient(n: int) -> str:
    return f"fresh{n}@example.net"
