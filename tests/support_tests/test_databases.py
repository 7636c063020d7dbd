"""The databases that tests get are empty, their own, and gone afterwards."""

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from outbox.store.grants import Role
from tests.support.databases import MYSQL, POSTGRESQL, Kind, fresh_database


def test_a_test_gets_an_empty_database_that_it_can_write_to(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == []
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
        assert connection.execute(text("SELECT n FROM t")).scalar_one() == 1


@pytest.mark.parametrize("kind", [POSTGRESQL, MYSQL], ids=lambda kind: kind.name)
def test_a_database_is_dropped_although_a_test_left_a_connection_open(kind: Kind) -> None:
    with fresh_database(kind) as url:
        engine = create_engine(url)
        connection = engine.connect()
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    connection.close()
    engine.dispose()
    with fresh_database(kind) as other:
        assert other != url


def test_the_users_of_a_database_go_with_it(postgresql_url: str) -> None:
    users = text("SELECT count(*) FROM pg_roles WHERE starts_with(rolname, :name)")
    with create_engine(postgresql_url, poolclass=NullPool).connect() as connection:
        with fresh_database(POSTGRESQL) as url:
            name = {"name": make_url(url).database}
            assert connection.execute(users, name).scalar_one() == len(Role)
        assert connection.execute(users, name).scalar_one() == 0


def test_a_missing_server_skips_with_a_sentence_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRESQL.variable, "postgresql+psycopg://postgres@127.0.0.1:1/x")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL is missing"), fresh_database(POSTGRESQL):
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL is missing"), fresh_database(POSTGRESQL):
        pass
