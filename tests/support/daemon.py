"""The real daemon as a process of its own, and the application and the person who watch its queue."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

from sqlalchemy import Engine, create_engine, text

import outbox
from outbox.handover import Fields
from outbox.store.grants import Role
from tests.support.users import as_role, migrated
from tests.support.waiting import wait_until

_ROOT = Path(__file__).resolve().parents[2]


class RunningDaemon:
    """`outbox run` in a `with` block; `settings` are OUTBOX_* names in lower case.

    `url` is that of the database's owner: where a daemon has a user of its own, it comes as that.
    """

    program: ClassVar[Sequence[str]] = ("outbox", "run")
    """The module that runs it, and its arguments: one of a test's own may break it from inside."""

    def __init__(self, url: str, folder: Path, *, port: int, **settings: object) -> None:
        self.log_file = folder / f"daemon-{os.urandom(4).hex()}.log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(_ROOT),
            "OUTBOX_DATABASE_URL": as_role(url, Role.DAEMON),
            "OUTBOX_SMTP_HOST": "127.0.0.1",
            "OUTBOX_SMTP_PORT": str(port),
            "OUTBOX_SMTP_TLS": "none",
            "OUTBOX_POLL_INTERVAL": "0.1",
            **{f"OUTBOX_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._begun_before = 0

    def start(self) -> None:
        """Start it and return when its session has begun."""
        self.launch()
        self.wait_begun()

    def launch(self) -> None:
        """Start it without waiting for its session."""
        self._begun_before = self._begun()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.program],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_begun(self) -> None:
        """Return when the session of the last start has begun."""
        wait_until(lambda: self._is_gone() or self._begun() > self._begun_before, "the daemon runs")
        assert not self._is_gone(), self.log()

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP and SIGCONT pause it and let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait_end(self, timeout: float = 30) -> int:
        """Wait until it ends by itself; return its exit code, below 0 the signal that ended it."""
        assert self._process is not None
        code = self._process.wait(timeout)
        self._process = None
        return code

    def terminate(self, timeout: float = 30) -> int:
        """Ask it to drain; return its exit code."""
        self.send(signal.SIGTERM)
        return self.wait_end(timeout)

    def kill(self) -> None:
        """Kill it where it stands."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return not self._is_gone()

    def log(self) -> str:
        """Return what it has logged so far, over all its starts."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def _begun(self) -> int:
        return self.log().count("sends through")

    def _is_gone(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Application:
    """An application with an outbox in its database, and what a person reads there.

    It enqueues with the rights of an application; `engine` is the owner's, to read and to break things by.
    """

    def __init__(self, engine: Engine, own: Engine) -> None:
        self.engine = engine
        self._own = own
        self.outbox = outbox.Outbox(sender="app@example.org")

    def enqueue(self, count: int, *, tag: str = "mail", body: str = "Hello.") -> None:
        """Commit `count` mails, a hundred in a transaction, each to a recipient of its own."""
        for first in range(0, count, 100):
            with self._own.begin() as connection:
                self.outbox.enqueue_many(
                    connection,
                    [
                        outbox.Email(to=f"{tag}{n}@example.org", subject=f"{tag} {n}", text=body)
                        for n in range(first, min(first + 100, count))
                    ],
                )

    def enqueue_one(self, **fields: Unpack[Fields]) -> None:
        """Commit one mail."""
        with self._own.begin() as connection:
            self.outbox.enqueue(connection, **fields)

    def counts(self) -> Counter[str]:
        """Count the deliveries by status."""
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT status, count(*) FROM outbox_delivery GROUP BY status"))
            return Counter({row[0]: row[1] for row in rows})

    def reconnect(self) -> None:
        """Forget all connections: the server that they were made to is gone."""
        self.engine.dispose()
        self._own.dispose()

    def scalar(self, sql: str) -> object:
        """Return the first value that a query gives."""
        with self.engine.connect() as connection:
            return connection.execute(text(sql)).scalar()

    def wait_sent(self, count: int, timeout: float = 60) -> None:
        """Wait until at least `count` deliveries are sent."""
        wait_until(lambda: self.counts()["sent"] >= count, f"{count} deliveries are sent", timeout)

    def wait_beats(self, pid: int, count: int) -> None:
        """Wait until the newest session of this process has beaten so often from now on."""
        sql = f"SELECT beat_at FROM outbox_session WHERE pid = {pid:d} ORDER BY started_at DESC"
        seen: set[object] = set()

        def have_beaten() -> bool:
            seen.add(self.scalar(sql))
            return len(seen) > count

        wait_until(have_beaten, f"process {pid} has beaten {count} times")

    def committed(self, status: str = "%") -> Counter[tuple[str, str]]:
        """Return Message-ID and recipient of every delivery in the database, or of those in one status."""
        sql = (
            "SELECT m.message_id, d.recipient FROM outbox_delivery d "
            "JOIN outbox_message m ON m.id = d.message_id WHERE d.status LIKE :status"
        )
        with self.engine.connect() as connection:
            return Counter((row[0], row[1]) for row in connection.execute(text(sql), {"status": status}))


@contextmanager
def application(url: str, **options: Any) -> Iterator[Application]:
    """Give an application on a freshly migrated database; `options` go to `create_engine`."""
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        outbox.prepare_sqlite(engine)
    own_url = as_role(url, Role.APP)
    own = engine if own_url == url else create_engine(own_url, **options)
    try:
        migrated(url, **options)
        yield Application(engine, own)
    finally:
        engine.dispose()
        own.dispose()
