"""Where a driver's queue stands: a fresh database of each kind that the outbox runs on, by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import MYSQL, POSTGRESQL, fresh_database

DATABASES = ("PostgreSQL", "MariaDB", "SQLite")


@contextmanager
def fresh(database: str, folder: Path) -> Iterator[str]:
    """Give the URL of a fresh, empty database; one of SQLite is a file in `folder`."""
    if database == "SQLite":
        yield f"sqlite:///{folder / 'outbox.sqlite3'}"
    else:
        with fresh_database({kind.name: kind for kind in (POSTGRESQL, MYSQL)}[database]) as url:
            yield url
