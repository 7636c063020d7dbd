"""The databases that any test may ask for: one by name, or all three in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import MYSQL, POSTGRESQL, fresh_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'outbox.sqlite3'}"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """Give the URL of a fresh, empty PostgreSQL database."""
    with fresh_database(POSTGRESQL) as url:
        yield url


@pytest.fixture
def mysql_url() -> Iterator[str]:
    """Give the URL of a fresh, empty MariaDB database."""
    with fresh_database(MYSQL) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a fresh, empty database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
