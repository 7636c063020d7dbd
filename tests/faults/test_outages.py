"""An outage costs nothing: no attempt is burnt, nothing fails, and work resumes by itself."""

import time
from pathlib import Path

import pytest

from tests.support.arrivals import assert_each_arrived_once
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.moody import MoodyRelay
from tests.support.postgres import PostgresServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.trial


def _assert_nothing_burnt(app: Application, waiting: int) -> None:
    counts = app.counts()
    assert waiting == counts["pending"] + counts["sending"]
    assert app.scalar("SELECT max(attempts) FROM outbox_delivery WHERE status <> 'sent'") == 0
    assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def test_fault_63_a_relay_that_stops_under_idle_connections_costs_no_attempt(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app, LedgerSink() as sink:
        with RunningDaemon(postgresql_url, tmp_path, port=sink.port) as daemon:
            app.enqueue(10, tag="before")
            app.wait_sent(10)
            sink.stop()
            app.enqueue(200, tag="during")
            wait_until(lambda: "next try in" in daemon.log(), "the daemon has met the outage")
            _assert_nothing_burnt(app, 200)
            sink.start()
            app.wait_sent(210)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 210}
        assert_each_arrived_once(app, sink)


def test_fault_56_a_refused_password_costs_no_attempt_until_it_is_corrected(
    postgresql_url: str, tmp_path: Path
) -> None:
    settings = {"smtp_username": "app", "smtp_password": "right", "smtp_allow_plaintext_auth": "true"}
    with application(postgresql_url) as app, LedgerSink(user="app", password="changed") as sink:
        with RunningDaemon(postgresql_url, tmp_path, port=sink.port, **settings) as daemon:
            app.enqueue(200)
            wait_until(lambda: "AUTH: 535" in daemon.log(), "the daemon was refused")
            _assert_nothing_burnt(app, 200)
            assert "right" not in daemon.log()
            sink.set_password("right")
            app.wait_sent(200)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 200}
        assert_each_arrived_once(app, sink)


def test_a_database_that_stops_for_ten_seconds_in_a_drain_loses_nothing(tmp_path: Path) -> None:
    with PostgresServer() as server, LedgerSink() as sink, application(server.url) as app:
        app.enqueue(5000)
        with RunningDaemon(server.url, tmp_path, port=sink.port) as daemon:
            sink.wait_entries(1000)
            server.stop("immediate")
            stopped = time.monotonic()
            wait_until(lambda: time.monotonic() - stopped > 10, "ten seconds have passed")
            assert daemon.is_running()
            dots_while_stopped = len(sink.entries())
            server.start()
            app.engine.dispose()
            app.wait_sent(5000, timeout=90)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 5000}
        arrived = {(entry.message_id, entry.recipient) for entry in sink.entries()}
        assert set(app.committed()) == arrived
        # Verdicts were kept in memory, so even a daemon whose database went away sends nothing twice.
        assert len(sink.entries()) == 5000
        assert dots_while_stopped < 5000


@pytest.mark.parametrize("silent", ["before the outage", "after it"])
def test_a_dot_that_still_waits_for_its_answer_keeps_nothing_from_a_relay_that_is_back(
    sqlite_url: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outbox.worker.patience.LONG", 0.3)
    monkeypatch.setattr("outbox.worker.sender.LONGEST_REST", 0.1)
    with application(sqlite_url) as app, MoodyRelay(silent=1) as relay:
        relay.away = silent == "after it"
        app.enqueue(1, tag="silent")
        with daemon_inside(sqlite_url, relay.port, connections=2) as inside:
            if not relay.away:
                wait_until(lambda: relay.unanswered == 1, "a dot waits for its answer")
                relay.away = True
            app.enqueue(20, tag="other")
            wait_until(lambda: inside.do(lambda: inside.desk._breaker.is_open), "the outage is met")
            relay.away = False
            app.wait_sent(20)
            assert app.counts() == {"sending": 1, "sent": 20}
            assert relay.unanswered == 1
            relay.speak_up()
            app.wait_sent(21)
            inside.drain()
    assert len(relay.asked) == 21
