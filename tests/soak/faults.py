"""What goes wrong in a soak, one thing after the other, as a seed draws it."""

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Self

from tests.support.daemon import RunningDaemon
from tests.support.database_proxy import DatabaseProxy
from tests.support.small_disk import SmallDisk


@dataclass(frozen=True, slots=True)
class Fault:
    """It begins, and ends after `longest` seconds at most."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    longest: float


def of_the_relay(relay: DatabaseProxy, rubbish: int) -> list[Fault]:
    """Return those of the way to the relay, and of what answers there."""

    def lead(port: int | None) -> None:
        relay.lead_to(port)
        relay.cut()

    return [
        Fault("relay cut", relay.cut, _nothing, 0),
        Fault("relay refuses connections", lambda: relay.cut(refuse=True), relay.admit, 10),
        Fault("relay silent", relay.stall, relay.resume, 15),
        Fault("relay answers rubbish", lambda: lead(rubbish), lambda: lead(None), 10),
    ]


def of_the_database(database: DatabaseProxy) -> list[Fault]:
    """Return those of the way to the database; a statement is given up after ten seconds of silence."""
    return [
        Fault("database cut", database.cut, _nothing, 0),
        Fault("database refuses connections", lambda: database.cut(refuse=True), database.admit, 10),
        Fault("database silent", database.stall, database.resume, 14),
    ]


def of_the_host(daemon: RunningDaemon, disk: SmallDisk | None) -> list[Fault]:
    """Return those of the daemon's own host."""
    paused = Fault(
        "daemon paused", lambda: daemon.send(signal.SIGSTOP), lambda: daemon.send(signal.SIGCONT), 8
    )
    return [paused, *([Fault("journal's disk full", disk.fill, disk.free, 10)] if disk else [])]


def _nothing() -> None:
    pass


class Faults:
    """Lets one of `faults` happen each `every` seconds in a `with` block, all of them before any again."""

    def __init__(self, faults: list[Fault], every: float, random: Random) -> None:
        self.happened: list[tuple[float, str]] = []
        """When, in seconds since the beginning, and what."""
        self._every = every
        self._random = random
        self._drawn = self._draw(faults)
        self._end = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="faults")

    def _draw(self, faults: list[Fault]) -> Iterator[Fault]:
        rounds = (self._random.sample(faults, len(faults)) for _ in itertools.count())
        return itertools.chain.from_iterable(rounds)

    def _run(self) -> None:
        began = time.monotonic()
        try:
            for n, fault in enumerate(self._drawn):
                if self._end.wait(max(0.0, began + (n + 0.5) * self._every - time.monotonic())):
                    return
                self._let_happen(fault, began)
        except Exception as error:  # noqa: BLE001 - raised at the end of the block
            self._failure = error

    def _let_happen(self, fault: Fault, began: float) -> None:
        seconds = min(fault.longest, self._every / 2) * self._random.uniform(0.3, 1.0)
        self.happened.append((time.monotonic() - began, f"{fault.name} {seconds:.0f} s"))
        fault.begin()
        try:
            self._end.wait(seconds)
        finally:
            fault.end()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
