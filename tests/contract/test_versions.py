"""A database that the daemon cannot work with is refused at the start, with what to do about it."""

from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from outbox import migrate
from outbox.errors import EX_CONFIG, UnsupportedDatabaseError
from outbox.store.database import Database
from outbox.store.dialects import dialect_of
from outbox.worker.meet import reach


class Connection:
    """A connection to a server that says it is of some version."""

    def __init__(self, version: tuple[int, ...], *, mariadb: bool = False) -> None:
        self.dialect: Any = type("Dialect", (), {"server_version_info": version, "is_mariadb": mariadb})
        self.engine: Any = create_engine("sqlite://")


@pytest.mark.parametrize(
    ("name", "connection", "remedy"),
    [
        (
            "postgresql",
            Connection((13, 22)),
            "PostgreSQL 13.22 is too old. Upgrade the server to 14 or newer.",
        ),
        ("mysql", Connection((10, 5, 29), mariadb=True), "MariaDB 10.5.29 is too old. .* to 10.6 or newer."),
        ("mariadb", Connection((10, 5, 29), mariadb=True), "MariaDB 10.5.29 is too old"),
        ("mysql", Connection((8, 0, 18)), "MySQL 8.0.18 is too old. .* to 8.0.19 or newer."),
        ("sqlite", Connection((3, 34, 1)), "SQLite 3.34.1 is too old. Use a Python built with SQLite 3.35"),
    ],
)
def test_a_version_below_the_minimum_is_refused(name: str, connection: Any, remedy: str) -> None:
    with pytest.raises(UnsupportedDatabaseError, match=remedy) as refused:
        dialect_of(name).check_version(connection)
    assert refused.value.exit_code == EX_CONFIG


@pytest.mark.parametrize(
    ("name", "connection"),
    [
        ("mysql", Connection((10, 6, 0), mariadb=True)),
        ("mysql", Connection((8, 0, 19))),
        ("sqlite", Connection((3, 35, 0))),
    ],
)
def test_the_minimum_itself_is_enough(name: str, connection: Any) -> None:
    dialect_of(name).check_version(connection)


@pytest.mark.parametrize("found", [(10, 5, 29), (10, 3, 39), (5, 5)])
def test_fault_22_a_mariadb_that_cannot_skip_locks_is_refused_at_the_start(
    mysql_url: str, found: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = r"\.".join(map(str, found))
    database = Database(mysql_url)
    migrate(database.engine)
    database.check()
    monkeypatch.setattr(database.engine.dialect, "server_version_info", found)
    with pytest.raises(UnsupportedDatabaseError, match=f"^MariaDB {shown} is too old"):
        reach(database)
    database.close()


def test_a_postgresql_database_that_is_not_in_utf8_is_refused(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    name = f"{make_url(postgresql_url).database}_latin1"
    latin1 = make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(
            text(f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
        try:
            database = Database(latin1)
            with pytest.raises(UnsupportedDatabaseError, match=r"encoding is LATIN1.*ENCODING 'UTF8'"):
                database.check()
            database.close()
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
