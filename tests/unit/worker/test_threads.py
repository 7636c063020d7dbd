"""As many threads speak to the database as a daemon may have connections, so that none waits for one."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from outbox.delivery.descriptors import RESERVE
from outbox.store.dialects.plain import POOL
from outbox.worker.duties import Duties
from outbox.worker.threads import Threads

HEARTBEAT = 1
MOST = POOL["pool_size"] + POOL["max_overflow"]


def test_there_is_a_connection_for_each_thread_and_no_more() -> None:
    threads, nobody = Threads(), SimpleNamespace(erase=print, delete=print, prune=print)
    anybody: Any = nobody
    duties = Duties(anybody, anybody, anybody, 60.0, lambda: None, anybody, lambda: None)
    assert threads._pool._max_workers + HEARTBEAT + len(duties._duties) == MOST
    threads.close()


def test_all_of_them_to_sqlite_leave_some_descriptors_of_the_reserve(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with closing(sqlite3.connect(path)) as first:
        first.execute("PRAGMA journal_mode = WAL")
        first.execute("CREATE TABLE one (n)")
        first.commit()
        before = _open()
        with ExitStack() as stack:
            for _ in range(MOST):
                its = stack.enter_context(closing(sqlite3.connect(path)))
                its.execute("SELECT count(*) FROM one").fetchone()
            assert 2 * MOST <= _open() - before < RESERVE


def _open() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
