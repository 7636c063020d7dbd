"""Our own way: mails in a database, one daemon, and the time until the last one is sent.

The time is the database's own, from the start of the daemon's session, a moment before its first claim, to
the instant at which the last verdict was written. So nothing has to watch closely: a poll ten times a
second, the one of an idle daemon, only tells when to look.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench.daemon import REAL, daemon, until
from bench.postfix import sink
from bench.process import cpu_seconds, peak_memory
from bench.run import Run
from bench.shop import shop
from outbox.mail.status import Status
from outbox.store.database import Database
from outbox.store.queue import Queue
from outbox.store.schema import delivery, session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_POLL = 0.1
_START = 60.0
_LEAST_RATE = 200
"""Mails a second below which a drain counts as stuck."""


def drain(kind: str, mails: int, command: Sequence[str] = REAL, **settings: str) -> Run:
    """Fill a fresh database of this kind with `mails` mails, and measure how the daemon sends them.

    `settings` are further ones of the daemon, by name.
    """
    with shop(kind) as opened, tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
        opened.fill(mails)
        opened.engine.dispose()
        return _measure(opened.url, mails, Path(folder), command, settings)


def _measure(url: str, mails: int, folder: Path, command: Sequence[str], settings: Mapping[str, str]) -> Run:
    database = Database(url)
    queue = Queue(database)
    deadline = time.monotonic() + _START + mails / _LEAST_RATE
    try:
        with sink() as port, daemon(url, port, folder, command, **settings) as running:

            def reach(reached: Callable[[], bool], pause: float) -> None:
                until(reached, pause, deadline - time.monotonic(), [running], queue.counts)

            reach(lambda: _has_begun(database), 0.02)
            before = cpu_seconds(running.pid)
            reach(lambda: not queue.has_due(), _POLL)
            reach(lambda: queue.counts() == {Status.SENT: mails}, _POLL)
            return Run(mails, _seconds(database), cpu_seconds(running.pid) - before, peak_memory(running.pid))
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
