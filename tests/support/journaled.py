"""A daemon with a journal, which a test kills and starts again on its host."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.scripted import Peer, Script, scripted
from tests.support.sitting import Silent

TTL = 600
"""Seconds; a test that had to wait for the lease would fail."""


def taking(peer: Peer) -> None:
    """Take one mail, on a connection of its own."""
    peer.greet("PIPELINING")
    peer.take_mail("250 2.0.0 Ok: queued as 2ND")
    peer.take_quit()


class Journaled:
    """A daemon with a journal, before an application's queue; what it is killed in says the test."""

    def __init__(self, app: Application, daemon: RunningDaemon, state: Path) -> None:
        self.app = app
        self.daemon = daemon
        self.journal = state / "journal"

    def written(self, letter: str) -> int:
        """Count the lines of this kind in all journals, whether or not the daemon still writes."""
        lines = [line for file in self.journal.iterdir() for line in file.read_text("latin-1").splitlines()]
        return sum(line.startswith(f"{letter} ") for line in lines)

    def reach_the_dot(self, relay: Silent, **options: Any) -> None:
        """Commit one mail, and have the daemon send it up to its dot, on which this relay sits."""
        enqueue(self.app, **options)
        self.daemon.start()
        relay.wait_dot()

    def restart(self) -> None:
        """Kill the daemon, and start it again."""
        self.daemon.kill()
        self.daemon.start()

    def row(self) -> dict[str, Any]:
        """Return all that is known of the only delivery."""
        with self.app.engine.connect() as connection:
            return dict(connection.execute(text("SELECT * FROM outbox_delivery")).mappings().one())

    def attempts(self) -> list[tuple[str, bool]]:
        """Return the verdict of each attempt, and whether it came late."""
        with self.app.engine.connect() as connection:
            rows = connection.execute(text("SELECT verdict, late FROM outbox_attempt ORDER BY id"))
            return [(row.verdict, bool(row.late)) for row in rows]


@contextmanager
def journaled(url: str, folder: Path, *scripts: Script, **settings: object) -> Iterator[Journaled]:
    """Give a daemon that has a journal and does not run yet, before a relay of these scripts."""
    state = folder / "state"
    state.mkdir()
    given = {"connections": 1, "lease_ttl": TTL, "state_dir": state} | settings
    with scripted(*scripts) as relay, application(url) as app:
        daemon = RunningDaemon(url, folder, port=relay.port, **given)
        try:
            yield Journaled(app, daemon, state)
        finally:
            daemon.kill()


def enqueue(app: Application, **options: Any) -> None:
    """Commit one mail."""
    with app.engine.begin() as connection:
        app.outbox.enqueue(connection, to="ann@example.org", subject="Hi", text="Hello.", **options)
