"""Our own way: mails in a database, one daemon, and the time until the last one is sent.

The time is the database's own, from the start of the daemon's session, a moment before its first claim, to
the instant at which the last verdict was written. So nothing has to watch closely: a poll ten times a
second, the one of an idle daemon, only tells when to look.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, func, select

import outbox
from bench.corpus import SENDER, email
from bench.daemon import REAL, daemon
from bench.databases import fresh_database
from bench.postfix import sink
from bench.process import cpu_seconds, peak_memory
from bench.run import Run
from outbox.mail.status import Status
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.store.schema import delivery, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_TRANSACTION = 500
_POLL = 0.1
_START = 60.0
_LEAST_RATE = 200
"""Mails a second below which a drain counts as stuck."""


def drain(kind: str, mails: int) -> Run:
    """Fill a fresh database of this kind with `mails` mails, and measure how the daemon sends them."""
    with _filled(kind, mails) as url, tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
        return _measure(url, mails, Path(folder))


def sizes(kind: str, mails: int) -> dict[str, list[int]]:
    """Drain once more, and return the sizes of all claims and of all batches of verdicts."""
    with _filled(kind, mails) as url, tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
        file = Path(folder) / "sizes.json"
        _measure(url, mails, Path(folder), ("-m", "bench.observed", str(file)))
        observed: dict[str, list[int]] = json.loads(file.read_text())
        return observed


@contextmanager
def _filled(kind: str, mails: int) -> Iterator[str]:
    with fresh_database(kind) as url:
        engine = create_engine(url)
        try:
            if engine.dialect.name == "sqlite":
                outbox.prepare_sqlite(engine)
            outbox.migrate(engine)
            shop = outbox.Outbox(sender=SENDER)
            for first in range(0, mails, _TRANSACTION):
                with engine.begin() as connection:
                    shop.enqueue_many(connection, map(email, range(first, min(first + _TRANSACTION, mails))))
        finally:
            engine.dispose()
        yield url


def _measure(url: str, mails: int, folder: Path, command: Sequence[str] = REAL) -> Run:
    database = Database(url)
    queue = Queue(database)
    deadline = time.monotonic() + _START + mails / _LEAST_RATE
    try:
        with sink() as port, daemon(url, port, folder, command) as process:

            def until(reached: Callable[[], bool], pause: float) -> None:
                while not reached():
                    if time.monotonic() > deadline or process.poll() is not None:
                        log = (folder / "daemon.log").read_text()
                        raise RuntimeError(f"the drain ended or hangs at {queue.counts()}:\n{log}")
                    time.sleep(pause)

            until(lambda: _has_begun(database), 0.02)
            before = cpu_seconds(process.pid)
            until(lambda: not queue.has_due(), _POLL)
            until(lambda: queue.counts() == {Status.SENT: mails}, _POLL)
            return Run(mails, _seconds(database), cpu_seconds(process.pid) - before, peak_memory(process.pid))
    finally:
        database.close()


def _has_begun(database: Database) -> bool:
    return database.read(lambda connection: connection.execute(select(session.c.id)).first() is not None)


def _seconds(database: Database) -> float:
    begun, ended = select(func.min(session.c.started_at)), select(func.max(delivery.c.finished_at))
    first, last = database.read(
        lambda connection: (connection.scalars(begun).one(), connection.scalars(ended).one())
    )
    seconds: float = (last - first).total_seconds()
    return seconds
