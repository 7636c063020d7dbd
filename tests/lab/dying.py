"""Daemons that die of themselves, and one that only buries the dead."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from tests.lab.autopsy import autopsy
from tests.lab.oracle import Kill
from tests.support.daemon import RunningDaemon
from tests.support.waiting import free_port, wait_until


class Dying(RunningDaemon):
    """A daemon whose death is looked into; `name` is the one it gives in EHLO."""

    def __init__(self, url: str, folder: Path, name: str, *, port: int, lease_ttl: float) -> None:
        super().__init__(url, folder, port=port, smtp_hello=name, lease_ttl=lease_ttl)
        self._name = name

    def examine(self, engine: Engine) -> Kill:
        """Wait for its death, and return what it held."""
        wait_until(lambda: not self.is_running(), "the daemon dies")
        return autopsy(engine, self._name, self.pid)


class AfterClaim(Dying):
    """Dies as soon as it has claimed anything."""

    program = ("tests.lab.crashing", "after-claim")


class InHand(Dying):
    """Dies of mails that have POISON in them."""

    program = ("tests.lab.crashing", "in-hand")


D = TypeVar("D", bound=RunningDaemon)


@contextmanager
def launched(daemon: D) -> Iterator[D]:
    """Start a daemon without waiting for its session: it may die before; leave none behind."""
    daemon.launch()
    try:
        yield daemon
    finally:
        daemon.kill()


@contextmanager
def undertaker(url: str, folder: Path, lease_ttl: float) -> Iterator[None]:
    """Run a daemon that sends nothing, since nothing answers at its relay's port, but rescues."""
    with RunningDaemon(url, folder, port=free_port(), lease_ttl=lease_ttl):
        yield
