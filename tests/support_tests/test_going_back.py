"""What takes a PostgreSQL back in time: a replica that is promoted, and a dump that is restored."""

from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from tests.support.database_proxy import DatabaseProxy
from tests.support.postgres import PostgresServer
from tests.support.postgres_dump import drop, dump, restore
from tests.support.waiting import answers, wait_until


def engine_of(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def add(url: str) -> None:
    with engine_of(url).begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))


def count(url: str) -> int:
    with engine_of(url).connect() as connection:
        there = connection.execute(text("SELECT to_regclass('t') IS NOT NULL")).scalar_one()
        return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one()) if there else 0


def test_a_replica_that_is_promoted_lacks_what_was_committed_after_it_was_cut_off() -> None:
    with PostgresServer() as primary, PostgresServer() as replica:
        with DatabaseProxy(primary.url) as wire:
            replica.follow(wire.port)
            add(primary.url)
            wait_until(lambda: count(replica.url) == 1, "the replica follows")
            wire.cut(refuse=True)
            add(primary.url)
            primary.kill()
        assert not answers(primary.port)
        replica.promote()
        assert count(replica.url) == 1
        # And back: who was killed follows, and has no more than that.
        primary.follow(replica.port)
        add(replica.url)
        wait_until(lambda: count(primary.url) == 2, "the other follows")


def test_a_database_that_is_restored_is_as_it_was_when_it_was_dumped(
    postgresql_url: str, tmp_path: Path
) -> None:
    add(postgresql_url)
    file = dump(postgresql_url, tmp_path / "dump")
    add(postgresql_url)
    open_still = engine_of(postgresql_url).connect()
    drop(postgresql_url)
    open_still.invalidate()
    restore(postgresql_url, file)
    assert count(postgresql_url) == 1
