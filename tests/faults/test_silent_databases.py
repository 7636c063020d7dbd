"""A daemon whose database falls silent, or comes back, goes on soon, alone and with all that it held."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.support.arrivals import assert_each_arrived_once
from tests.support.daemon import RunningDaemon, application
from tests.support.database_proxy import DatabaseProxy
from tests.support.ledger import LedgerSink
from tests.support.postgres import PostgresServer
from tests.support.scripted import scripted
from tests.support.sitting import Sitting
from tests.support.waiting import wait_until

MAILS = 1000
SOON = 15.0
"""Seconds after which the queue must move again, by the catalogue of faults."""


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_fault_40_a_daemon_whose_connections_carry_nothing_any_more_goes_on_over_new_ones(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    with application(url) as app, LedgerSink() as sink, DatabaseProxy(url) as proxy:
        app.enqueue(MAILS)
        with RunningDaemon(proxy.url(), tmp_path, port=sink.port) as daemon:
            sink.wait_entries(MAILS // 10)
            proxy.stall(new=False)
            app.enqueue(1, tag="after")
            app.wait_sent(MAILS + 1, timeout=SOON)
            # What had left before arrives after all, a COMMIT perhaps that nobody waits for any more.
            proxy.resume()
            app.enqueue(MAILS, tag="later")
            app.wait_sent(2 * MAILS + 1)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 2 * MAILS + 1}
        assert_each_arrived_once(app, sink)


def test_fault_40_a_daemon_whose_database_is_out_of_reach_for_a_while_goes_on_when_it_is_back(
    mysql_url: str, tmp_path: Path
) -> None:
    with application(mysql_url) as app, LedgerSink() as sink, DatabaseProxy(mysql_url) as proxy:
        app.enqueue(MAILS)
        with RunningDaemon(proxy.url(), tmp_path, port=sink.port) as daemon:
            sink.wait_entries(MAILS // 10)
            proxy.stall()
            wait_until(lambda: "next try in" in daemon.log(), "the daemon has noticed")
            proxy.resume()
            app.wait_sent(MAILS, timeout=SOON)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": MAILS}
        assert_each_arrived_once(app, sink)


def test_fault_40_a_daemon_whose_server_is_frozen_goes_on_when_it_thaws(tmp_path: Path) -> None:
    with PostgresServer() as server, LedgerSink() as sink, application(server.url) as app:
        app.enqueue(MAILS)
        with RunningDaemon(server.url, tmp_path, port=sink.port) as daemon:
            sink.wait_entries(MAILS // 10)
            server.freeze()
            wait_until(lambda: "next try in" in daemon.log(), "the daemon has noticed")
            server.thaw()
            app.wait_sent(MAILS, timeout=SOON)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": MAILS}
        assert_each_arrived_once(app, sink)


@contextmanager
def _observer(url: str) -> Iterator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    yield engine
    engine.dispose()


def test_fault_41_each_daemon_holds_four_connections_at_most_also_after_a_restart(tmp_path: Path) -> None:
    names = [f"daemon{n}" for n in range(3)]
    held: dict[str, int] = {}

    def most_held() -> None:
        with observer.connect() as connection:
            rows = connection.execute(text("SELECT usename, count(*) FROM pg_stat_activity GROUP BY usename"))
            for name, count in rows:
                held[name] = max(count, held.get(name, 0))

    def is_sent(count: int) -> bool:
        most_held()
        return app.counts()["sent"] >= count

    with (
        PostgresServer() as server,
        LedgerSink() as sink,
        application(server.url) as app,
        ExitStack() as stack,
    ):
        observer = stack.enter_context(_observer(server.url))
        with observer.connect() as connection:
            for name in names:
                connection.execute(text(f"CREATE ROLE {name} LOGIN SUPERUSER"))
        urls = [make_url(server.url).set(username=name).render_as_string() for name in names]
        daemons = [
            stack.enter_context(RunningDaemon(url, tmp_path, port=sink.port, lease_ttl=2)) for url in urls
        ]
        app.enqueue(2 * MAILS, tag="before")
        wait_until(lambda: is_sent(MAILS), "half is sent")
        server.restart("immediate")
        app.engine.dispose()
        app.enqueue(2 * MAILS, tag="after")
        wait_until(lambda: is_sent(4 * MAILS), "all is sent")
        assert [daemon.terminate() for daemon in daemons] == [0, 0, 0]
        assert_each_arrived_once(app, sink)
    assert {name: held[name] for name in names if not 2 <= held[name] <= 4} == {}


def test_fault_35_no_transaction_is_open_while_a_relay_sits_on_a_dot(
    postgresql_url: str, tmp_path: Path
) -> None:
    sitting = Sitting()
    ours = text(
        "SELECT coalesce(xact_start < clock_timestamp() - interval '0.5 seconds', false), query "
        "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'outbox'"
    )
    seen: list[tuple[bool, str]] = []
    with (
        scripted(sitting) as relay,
        application(postgresql_url) as app,
        _observer(postgresql_url) as observer,
    ):
        app.enqueue(1)
        with RunningDaemon(postgresql_url, tmp_path, port=relay.port, connections=1) as daemon:
            sitting.wait_dot()
            began = time.monotonic()

            def has_looked_for_long() -> bool:
                with observer.connect() as connection:
                    seen.extend((is_open, query) for is_open, query in connection.execute(ours))
                return time.monotonic() - began > 3

            wait_until(has_looked_for_long, "three seconds have passed")
            assert app.counts() == {"sending": 1}
            sitting.answer()
            app.wait_sent(1)
            assert daemon.terminate() == 0
    assert seen
    assert [query for is_open, query in seen if is_open] == []
