"""A database of each kind with a long history, and what it believes about its own tables."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import text

from tests.contract.scene import Scene
from tests.plans.history import History
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database
from tests.support.users import migrated

STATISTICS = ("true", "none", "all pending", "all sent")
"""The truth, nothing at all, or what was true when there were ten deliveries."""

WAITING = 2000

_TABLES = ("message", "delivery", "session", "attempt")
_FREEZE = {
    "postgresql": "ALTER TABLE outbox_{} SET (autovacuum_enabled = false)",
    "mysql": "ALTER TABLE outbox_{} STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0",
}
_ANALYZE = {
    "postgresql": "ANALYZE outbox_{}",
    "mysql": "ANALYZE TABLE outbox_{}",
    "sqlite": "ANALYZE outbox_{}",
}


@contextmanager
def staged(kind: str, folder: Path, *, statistics: str, finished: int) -> Iterator[History]:
    """Give a queue with WAITING mails, a half of them retries, behind so many finished ones."""
    with ExitStack() as stack:
        if kind == "sqlite":
            folder.mkdir(exist_ok=True)
            url = f"sqlite:///{folder / 'outbox.sqlite3'}"
        else:
            url = stack.enter_context(fresh_database(POSTGRESQL if kind == "postgresql" else MYSQL))
        migrated(url)
        scene = Scene(url, roles=False)
        stack.callback(scene.close)
        _tell(scene, _FREEZE.get(kind))
        history = History(scene)
        if statistics.startswith("all"):
            history.add(10, statistics.removeprefix("all "))
            _tell(scene, _ANALYZE[kind])
        history.add(finished)
        history.add(WAITING // 2, "pending")
        history.add(WAITING // 2, "pending", lane=1)
        if statistics == "true":
            _tell(scene, _ANALYZE[kind])
        yield history


def _tell(scene: Scene, command: str | None) -> None:
    if command is None:
        return
    with scene.admin.begin() as connection:
        for table in _TABLES:
            connection.execute(text(command.format(table)))
