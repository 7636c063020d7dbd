"""The proxy before a database server cuts, stalls, slows and counts as it says, whichever the protocol."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.support.database_proxy import DatabaseProxy
from tests.support.proxy_link import Way
from tests.support.waiting import wait_until


@pytest.fixture(params=["postgresql", "mysql"])
def url(request: pytest.FixtureRequest) -> str:
    chosen: str = request.getfixturevalue(f"{request.param}_url")
    return chosen


@pytest.fixture
def near(url: str) -> Iterator[Engine]:
    """Give an engine beside the proxy, and a table `t`."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    yield engine
    engine.dispose()


@pytest.fixture
def proxy(url: str, near: Engine) -> Iterator[DatabaseProxy]:  # noqa: ARG001 - the table is made first
    with DatabaseProxy(url) as proxy:
        yield proxy


@pytest.fixture
def far(proxy: DatabaseProxy) -> Iterator[Engine]:
    """Give an engine on the far side of the proxy."""
    engine = create_engine(proxy.url())
    yield engine
    engine.dispose()


def _insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO t VALUES (1)"))


def _rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())


def _add(engine: Engine) -> None:
    with engine.begin() as connection:
        _insert(connection)


def _bytes_of_a_commit(proxy: DatabaseProxy, far: Engine, way: Way) -> int:
    with far.connect() as connection:
        _insert(connection)
        proxy.mark()
        connection.commit()
        return proxy.carried(way)


def test_the_same_statement_carries_the_same_bytes_each_time_and_a_mark_begins_at_none(
    proxy: DatabaseProxy, far: Engine
) -> None:
    counted = []
    with far.connect() as connection:
        for _ in range(4):
            proxy.mark()
            assert (proxy.carried(Way.TO_SERVER), proxy.carried(Way.TO_CLIENT)) == (0, 0)
            connection.execute(text("SELECT 42"))
            connection.commit()
            counted.append((proxy.carried(Way.TO_SERVER), proxy.carried(Way.TO_CLIENT)))
    # The first one begins the connection's first transaction.
    assert counted[2] == counted[3]
    assert min(counted[3]) > len("SELECT 42") // 2


def test_a_cut_ends_what_is_open_and_a_proxy_that_refuses_takes_nobody_until_it_admits(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    with far.connect() as connection:
        proxy.cut()
        with pytest.raises(OperationalError):
            _insert(connection)
    _add(far)
    proxy.cut(refuse=True)
    with pytest.raises(OperationalError):
        _add(far)
    with pytest.raises(OperationalError):
        far.connect()
    proxy.admit()
    _add(far)
    assert _rows(near) == 2


def test_what_is_whole_before_the_cut_is_done_by_the_server_and_its_answer_never_comes(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    whole = _bytes_of_a_commit(proxy, far, Way.TO_SERVER)
    before = _rows(near)
    for missing in (1, whole, 0):
        with far.connect() as connection:
            _insert(connection)
            cut = proxy.cut_after(Way.TO_SERVER, whole - missing)
            with pytest.raises(OperationalError):
                connection.commit()
        assert cut.struck.wait(10)
    wait_until(lambda: _rows(near) == before + 1, "only the COMMIT that was whole has had effect")


def test_an_answer_may_break_at_any_byte_and_what_it_answers_is_done(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    whole = _bytes_of_a_commit(proxy, far, Way.TO_CLIENT)
    before = _rows(near)
    for position in range(whole):
        with far.connect() as connection:
            _insert(connection)
            cut = proxy.cut_after(Way.TO_CLIENT, position)
            with pytest.raises(OperationalError):
                connection.commit()
        assert cut.struck.wait(10)
    assert _rows(near) == before + whole


def test_an_armed_cut_that_is_taken_back_strikes_nobody(proxy: DatabaseProxy, far: Engine) -> None:
    cut = proxy.cut_after(Way.TO_SERVER, 1)
    proxy.disarm()
    _add(far)
    assert not cut.struck.is_set()


def test_an_abandoned_server_goes_on_and_keeps_what_it_has_locked(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    _add(near)
    update = text("UPDATE t SET n = n + 1")
    with far.connect() as connection:
        connection.execute(update)
        cut = proxy.cut_after(Way.TO_SERVER, 0, abandons=True)
        with pytest.raises(OperationalError):
            connection.commit()
    assert cut.struck.wait(10)

    def is_locked() -> bool:
        with near.connect() as connection:
            return not connection.execute(text("SELECT n FROM t FOR UPDATE SKIP LOCKED")).all()

    assert is_locked()
    proxy.cut()
    wait_until(lambda: not is_locked(), "the server has heard of the end")


def test_a_stall_holds_the_answer_and_resuming_delivers_it(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    with ThreadPoolExecutor() as pool, far.connect() as connection:
        _insert(connection)
        proxy.stall(Way.TO_CLIENT)
        committing = pool.submit(connection.commit)
        wait_until(lambda: _rows(near) == 1, "the server has committed")
        assert not committing.done()
        proxy.resume()
        committing.result(10)


def test_a_stalled_request_waits_in_the_network_while_later_connections_are_free(
    proxy: DatabaseProxy, far: Engine, near: Engine
) -> None:
    with ThreadPoolExecutor() as pool, far.connect() as connection:
        _insert(connection)
        proxy.stall(new=False)
        committing = pool.submit(connection.commit)
        _add(far)
        assert _rows(near) == 1
        assert not committing.done()
        proxy.resume()
        committing.result(10)
    assert _rows(near) == 2


def test_a_server_behind_a_stall_does_not_answer_a_new_connection(proxy: DatabaseProxy, far: Engine) -> None:
    proxy.stall()
    with ThreadPoolExecutor() as pool:
        adding = pool.submit(_add, far)
        wait_until(lambda: proxy.connections == 1, "the proxy has taken the connection")
        assert not adding.done()
        proxy.resume()
        adding.result(10)


def test_a_delay_is_paid_in_both_directions(proxy: DatabaseProxy, far: Engine) -> None:
    with far.connect() as connection:
        connection.execute(text("SELECT 1"))
        proxy.delay(0.05)
        began = time.monotonic()
        connection.execute(text("SELECT 1"))
        assert time.monotonic() - began >= 0.1


def test_a_server_that_is_away_resets_the_client_and_an_ended_client_leaves_nothing_open(
    proxy: DatabaseProxy, far: Engine
) -> None:
    _add(far)
    far.dispose()
    wait_until(lambda: proxy.connections == 0, "nothing is open")
    with DatabaseProxy("postgresql+psycopg://postgres@127.0.0.1:1/x") as nobody:
        engine = create_engine(nobody.url())
        with pytest.raises(OperationalError):
            engine.connect()
