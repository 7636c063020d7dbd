"""One statement that is a transaction of its own: it is committed, or nobody knows, and nobody is harmed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from outbox.store.database import Database
from tests.contract.scene import Scene

_PARAMETER = {"sqlite": ":more", "postgresql": "%(more)s", "mysql": "%(more)s"}


@pytest.fixture(params=[True, False], ids=["with deadline", "without"])
def database(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a database with a table `counts` of one row; it commits by itself where there is a deadline."""
    opened = Database(scene.url, 10.0 if request.param else None)
    opened.write(lambda connection: connection.execute(text("CREATE TABLE counts (n INTEGER NOT NULL)")))
    opened.write(lambda connection: connection.execute(text("INSERT INTO counts VALUES (1)")))
    yield opened
    opened.write(lambda connection: connection.execute(text("DROP TABLE counts")))
    opened.close()


def counted(scene: Scene) -> int:
    """Count on a connection of another's: on its own it would see what it has not committed."""
    with scene.admin.connect() as connection:
        return int(connection.execute(text("SELECT n FROM counts")).scalar_one())


def add(scene: Scene, more: str = "") -> str:
    return f"UPDATE counts SET n = n + {more or _PARAMETER[scene.admin.dialect.name]}"


def test_what_it_writes_is_committed(scene: Scene, database: Database) -> None:
    written = database.write_alone("SELECT n FROM counts", {})
    assert written is not None
    assert [tuple(row) for row in written] == [(1,)]
    if scene.admin.dialect.name != "mysql":
        assert database.write_alone(f"{add(scene)} RETURNING n", {"more": 4}) is not None
        assert counted(scene) == 5


def test_what_the_database_refuses_is_none_and_the_next_one_has_a_connection_without_it(
    scene: Scene, database: Database
) -> None:
    assert database.write_alone(f"{add(scene, 'NULL')} RETURNING n", {}) is None
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool has it
    assert counted(scene) == 1


def test_a_database_that_is_closed_meanwhile_keeps_no_connection(scene: Scene) -> None:
    opened = Database(scene.url)
    pool = opened.engine.pool
    assert opened.write_alone("SELECT 1", {}) is not None
    opened.close()
    assert (pool.checkedout(), pool.checkedin()) == (0, 0)  # type: ignore[attr-defined] # as above
