"""SIGHUP: the daemon works by what its settings say by then, or goes on by those that it has."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.testing import FaultyServer
from tests.support.daemon import Application, application
from tests.support.scrape import Monitor
from tests.support.waiting import free_port, wait_until
from tests.support.watched import RELOADED, Thinking, Watched


@pytest.fixture
def app(sqlite_url: str) -> Iterator[Application]:
    """Give the application whose queue the daemon serves."""
    with application(sqlite_url) as app:
        yield app


@pytest.fixture
def relay() -> Iterator[FaultyServer]:
    """Give a relay as it should be."""
    with FaultyServer() as relay:
        yield relay


@pytest.fixture
def daemon(app: Application, relay: FaultyServer, sqlite_url: str, tmp_path: Path) -> Iterator[Watched]:
    """Give a daemon that has sent one mail through that relay."""
    with Watched(sqlite_url, tmp_path, relay.port) as daemon:
        app.enqueue(1)
        relay.wait_until(lambda: len(relay.mails) == 1)
        daemon.wait_heard("READY=1")
        yield daemon


def test_new_settings_take_effect_in_the_same_process(
    app: Application, relay: FaultyServer, daemon: Watched
) -> None:
    pid = daemon.pid
    with FaultyServer() as other:
        daemon.tell(smtp_port=other.port, log_level="warning")
        daemon.reload()
        daemon.wait_heard(*RELOADED)
        app.enqueue(3)
        app.wait_sent(4)
        assert (len(relay.mails), len(other.mails)) == (1, 3)
        assert (daemon.pid, daemon.terminate()) == (pid, 0)
    assert daemon.heard() == [*RELOADED, "STOPPING=1"]
    assert "reloaded" not in daemon.log(), "it is told below the new level"
    ended = "SELECT count(*) FROM outbox_session WHERE state = 'stopped'"
    assert app.scalar(ended) == 2, "each daemon has ended in order"


def test_another_database_is_served_from_then_on(
    relay: FaultyServer, daemon: Watched, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'another.sqlite3'}"
    with application(url) as another:
        another.enqueue(2)
        daemon.tell(database_url=url)
        daemon.reload()
        another.wait_sent(2)
        assert daemon.terminate() == 0
    assert len(relay.mails) == 3


def test_metrics_are_of_the_new_database_and_streams(
    app: Application, relay: FaultyServer, sqlite_url: str, tmp_path: Path
) -> None:
    port, url = free_port(), f"sqlite:///{tmp_path / 'another.sqlite3'}"
    monitor, daemon = Monitor(port), Watched(sqlite_url, tmp_path, relay.port)
    daemon.tell(metrics_listen=f"127.0.0.1:{port}")
    with application(url) as another, daemon:
        daemon.wait_heard("READY=1")
        assert monitor.value("outbox_deliveries", "pending") == 0
        for _ in range(2):
            another.enqueue_one(to="ann@example.org", subject="Hello", text="Hello.", stream="bulk")
        daemon.tell("[streams.bulk]", "weight = 2", database_url=url, smtp_port=free_port())
        daemon.reload()
        daemon.wait_heard(*RELOADED)
        samples = monitor.samples()
        assert sum(samples["outbox_deliveries"].values()) == 2
        assert samples["outbox_stream_oldest_due_age_seconds"]["bulk",] > 0
        assert daemon.terminate() == 0
    assert app.counts() == {}


def test_a_verdict_that_the_database_refuses_goes_over_to_the_next_daemon(
    app: Application, relay: FaultyServer, daemon: Watched
) -> None:
    rule = "BEFORE UPDATE ON outbox_delivery WHEN NEW.status = 'sent' BEGIN SELECT RAISE(ABORT, 'no'); END"
    with app.engine.begin() as connection:
        connection.execute(text(f"CREATE TRIGGER rule {rule}"))
    app.enqueue(1)
    wait_until(lambda: "refuses the verdict" in daemon.log(), "it is refused")
    daemon.reload()
    daemon.wait_heard(*RELOADED)
    with app.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER rule"))
    # All that it still knows is tried once more at the stop.
    assert daemon.terminate() == 0
    assert app.counts() == {"sent": 2}
    assert len(relay.mails) == 2


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["nonsense"], "outbox.toml: it cannot be read"),
        (["smtp_prot = 25"], "smtp_prot (outbox.toml): there is no such setting. Did you mean smtp_port?"),
        (["connections = 0", "lease_ttl = 0"], "(and 1 more)"),
        (["smtp_ca_file = 'gone.pem'"], "smtp_ca_file (outbox.toml)"),
        (["smtp_ca_file = 'outbox.toml'"], "smtp_ca_file: "),
        (
            ["environment = 'production'"],
            "the database is of no environment and this daemon is",
        ),
    ],
)
def test_settings_that_cannot_be_used_change_nothing(
    app: Application, daemon: Watched, lines: list[str], told: str
) -> None:
    daemon.tell(*lines)
    daemon.reload()
    daemon.wait_heard(*RELOADED)
    app.enqueue(2)
    app.wait_sent(3)
    wait_until(lambda: told in daemon.status(), "the status line tells it")
    assert "UTC refused: " in daemon.status()
    assert daemon.log().count("those in use stay: ") == len(lines)
    assert app.scalar("SELECT count(*) FROM outbox_session") == 1
    daemon.tell()
    daemon.reload()
    daemon.wait_heard(*RELOADED, "RELOADING=1", "READY=1")
    wait_until(lambda: "refused" not in daemon.status(), "nothing is left to be told")
    assert app.scalar("SELECT count(*) FROM outbox_session") == 2
    assert daemon.terminate() == 0


def test_a_database_that_is_not_there_is_refused(
    app: Application, relay: FaultyServer, daemon: Watched, tmp_path: Path
) -> None:
    daemon.tell(database_url=f"sqlite:///{tmp_path / 'gone.sqlite3'}")
    daemon.reload()
    daemon.wait_heard(*RELOADED)
    assert "those in use stay: There is no database file" in daemon.log()
    app.enqueue(1)
    app.wait_sent(2)
    assert (len(relay.mails), daemon.terminate()) == (2, 0)


@pytest.mark.parametrize("words", [["reload"], ["reload", "reload"], ["reload", "terminate"]])
def test_a_reload_waits_for_the_answer_to_a_dot_and_nothing_goes_twice(
    app: Application, sqlite_url: str, tmp_path: Path, words: list[str]
) -> None:
    stops = words[-1] == "terminate"
    with Thinking() as relay, Watched(sqlite_url, tmp_path, relay.port) as daemon:
        daemon.wait_heard("READY=1")
        app.enqueue(1)
        assert relay.thinks.wait(30)
        daemon.reload()
        wait_until(lambda: "when 1 connections have finished" in daemon.log(), "it waits for the answer")
        wait_until(lambda: daemon.status().startswith("reloading, 1 connections finish"), "and says so")
        if stops:
            daemon.send(signal.SIGTERM)
            wait_until(lambda: daemon.heard()[-1] == "STOPPING=1", "it is to end")
        elif len(words) > 1:
            daemon.reload()
        relay.may_answer.set()
        if stops:
            assert daemon.wait_end() == 0
        else:
            sessions = "SELECT count(*) FROM outbox_session"
            wait_until(lambda: app.scalar(sessions) == 1 + len(words), "each word is obeyed, one by one")
            wait_until(lambda: daemon.heard()[-1] == "READY=1", "it is ready again")
            app.enqueue(1)
            app.wait_sent(2)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 1 if stops else 2}
        assert len(relay.mails) == len(relay.attempts) == (1 if stops else 2)
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def test_a_second_word_to_stop_within_a_reload_leaves(
    app: Application, sqlite_url: str, tmp_path: Path
) -> None:
    with Thinking() as relay, Watched(sqlite_url, tmp_path, relay.port) as daemon:
        daemon.wait_heard("READY=1")
        app.enqueue(1)
        assert relay.thinks.wait(30)
        daemon.reload()
        wait_until(lambda: "when 1 connections have finished" in daemon.log(), "it waits for the answer")
        daemon.send(signal.SIGTERM)
        wait_until(lambda: daemon.heard()[-1] == "STOPPING=1", "it is to end")
        daemon.send(signal.SIGTERM)
        assert daemon.wait_end() == 0
        relay.may_answer.set()
