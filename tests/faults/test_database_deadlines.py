"""A database that stays silent holds no thread of ours for long, and what it was asked is asked again.

The deadline is a second here, and ten in the daemons of `test_silent_databases`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from outbox.store.database import Database
from tests.support.database_proxy import DatabaseProxy
from tests.support.postgres import PostgresServer
from tests.support.waiting import wait_until

SILENCE = 1.0
# Far from what would be waited otherwise: fifty seconds for a lock, minutes for a silent connection.
SOON = 10.0
"""More than the deadline, and the time that a server has to give up by itself."""
_LOCK_WAIT_TIMEOUT = 1205


@pytest.fixture(params=["postgresql", "mysql"])
def url(request: pytest.FixtureRequest) -> str:
    chosen: str = request.getfixturevalue(f"{request.param}_url")
    return chosen


@pytest.fixture
def proxy(url: str) -> Iterator[DatabaseProxy]:
    with DatabaseProxy(url) as proxy:
        yield proxy


@pytest.fixture
def near(url: str) -> Iterator[Database]:
    """Give the database without a proxy, and a table `t` with one row."""
    database = Database(url, None)
    database.write(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER)")))
    database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (0)")))
    yield database
    database.close()


@pytest.fixture
def far(proxy: DatabaseProxy, near: Database) -> Iterator[Database]:  # noqa: ARG001 - the table is made first
    """Give the database through the proxy."""
    database = Database(proxy.url(), SILENCE)
    yield database
    database.close()


def _value(database: Database) -> int:
    return database.read(lambda connection: int(connection.execute(text("SELECT n FROM t")).scalar_one()))


def _count(connection: Connection) -> None:
    connection.execute(text("UPDATE t SET n = n + 1"))


def _assert_gives_up(work: Callable[[], object]) -> OperationalError:
    began = time.monotonic()
    # Which is no refusal: verdicts are kept and tried again.
    with pytest.raises(OperationalError) as raised:
        work()
    assert time.monotonic() - began < SOON
    return raised.value


def test_fault_40_a_statement_that_is_never_answered_ends_and_the_next_one_has_a_new_connection(
    proxy: DatabaseProxy, far: Database, near: Database
) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        proxy.stall(new=False)
        _count(connection)

    _assert_gives_up(lambda: far.write(work))
    far.write(_count)
    assert _value(near) == 1


def test_fault_40_a_statement_alone_that_is_never_answered_is_given_up(
    proxy: DatabaseProxy, far: Database, near: Database
) -> None:
    far.write(_count)
    proxy.stall(new=False)
    began = time.monotonic()
    # PyMySQL gives up by itself, and then nobody knows more.
    with suppress(OperationalError):
        assert far.write_alone("SELECT 1", {}) is None
    assert time.monotonic() - began < SOON
    far.write(_count)
    assert _value(near) == 2


def test_fault_40_a_commit_that_is_never_answered_ends(proxy: DatabaseProxy, far: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        proxy.stall(new=False)

    _assert_gives_up(lambda: far.write(work))
    far.write(_count)
    assert _value(far) == 1


def test_fault_40_a_read_whose_end_is_never_answered_ends(proxy: DatabaseProxy, far: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        proxy.stall(new=False)

    _assert_gives_up(lambda: far.read(work))
    assert _value(far) == 0


def test_fault_40_a_server_that_says_no_word_to_a_new_connection_is_given_up(
    proxy: DatabaseProxy, far: Database, url: str
) -> None:
    proxy.stall()
    began = time.monotonic()
    with pytest.raises(OperationalError):
        far.write(_count)
    # psycopg's own deadline for this is five seconds, whatever ours is.
    assert time.monotonic() - began < SOON + 5 * url.startswith("postgresql")
    proxy.resume()
    far.write(_count)


def test_fault_40_what_sqlalchemy_asks_on_a_new_connection_has_the_deadline_too(
    proxy: DatabaseProxy, far: Database
) -> None:
    event.listen(far.engine, "connect", lambda *_: proxy.stall(), insert=True)
    _assert_gives_up(lambda: far.write(_count))


def test_fault_40_who_waits_for_a_lock_gives_up_on_the_server_too(far: Database, near: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        if near.engine.dialect.name == "postgresql"
        # Not innodb_trx: it stays as it was while anybody asks more often than each tenth of a second.
        else "SELECT count(*) FROM information_schema.processlist "
        "WHERE command = 'Query' AND db = DATABASE() AND id <> CONNECTION_ID()"
    )
    before = far.read(_connection_id)
    with near.engine.begin() as holder:
        _count(holder)
        ended = _assert_gives_up(lambda: far.write(_count))
        wait_until(
            lambda: near.read(lambda connection: connection.execute(waiting).scalar()) == 0,
            "nobody waits on the server",
            timeout=10,
        )
    # Our request to give up may come late: it must not meet what is said next. MariaDB's own deadline for a
    # lock is as long as ours here: where that came first, nothing was asked.
    gave_up_first = ended.orig is not None and ended.orig.args[0] == _LOCK_WAIT_TIMEOUT
    assert gave_up_first or far.read(_connection_id) != before


def test_fault_40_locks_that_a_lost_daemon_holds_are_free_soon(
    proxy: DatabaseProxy, far: Database, near: Database
) -> None:
    free = text("SELECT n FROM t FOR UPDATE SKIP LOCKED")
    with far.engine.connect() as connection:
        _count(connection)
        proxy.stall()
        assert not near.write(lambda connection: connection.execute(free).all())
        wait_until(
            lambda: bool(near.write(lambda connection: connection.execute(free).all())),
            "the server has ended what was left open",
            timeout=SOON,
        )
        connection.invalidate()


def test_fault_40_much_that_comes_slowly_is_not_cut(far: Database) -> None:
    # Eight rows, one each 0.3 s: longer than the deadline, and never silent for as long.
    slow = (
        "SELECT repeat('x', 100000), pg_sleep(0.3) FROM generate_series(1, 8)"
        if far.engine.dialect.name == "postgresql"
        else "SELECT repeat('x', 100000), sleep(0.3) FROM seq_1_to_8"
    )
    assert len(far.read(lambda connection: connection.execute(text(slow)).all())) == 8


def test_many_short_statements_may_take_longer_than_the_deadline(sqlite_url: str) -> None:
    def work(connection: Connection) -> None:
        while time.monotonic() - began < 2 * SILENCE:
            connection.execute(text("SELECT 1"))

    database = Database(sqlite_url, SILENCE)
    began = time.monotonic()
    database.write(work)
    database.close()


def test_fault_31_a_commit_that_waits_for_its_standby_is_not_called_committed() -> None:
    with PostgresServer() as server:
        admin = create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with admin.connect() as connection:
            connection.execute(text("CREATE TABLE t (n INTEGER)"))
            connection.execute(text("ALTER SYSTEM SET synchronous_standby_names = 'away'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        database = Database(server.url, SILENCE)
        wait_until(
            lambda: database.read(
                lambda connection: (
                    connection.execute(text("SHOW synchronous_standby_names")).scalar() == "away"
                )
            ),
            "the server waits for its standby",
        )
        _assert_gives_up(
            lambda: database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))
        )
        database.close()


def test_a_statement_without_end_is_interrupted_on_sqlite(sqlite_url: str) -> None:
    endless = text("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t")
    database = Database(sqlite_url, SILENCE)
    _assert_gives_up(lambda: database.read(lambda connection: connection.execute(endless).all()))
    assert database.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    database.close()


def _connection_id(connection: Connection) -> int:
    is_postgresql = connection.dialect.name == "postgresql"
    asked = text(f"SELECT {'pg_backend_pid' if is_postgresql else 'connection_id'}()")
    return int(connection.execute(asked).scalar_one())
