"""SIGHUP, and a database that is lost or silent meanwhile: mail waits, and a stop is a stop."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.testing import FaultyServer
from tests.support.daemon import application
from tests.support.database_proxy import DatabaseProxy
from tests.support.waiting import wait_until
from tests.support.watched import RELOADED, Thinking, Watched


@pytest.fixture
def relay() -> Iterator[Thinking]:
    """Give a relay that lets a reload wait for its answer."""
    with Thinking() as relay:
        yield relay


@pytest.fixture
def daemon(relay: Thinking, sqlite_url: str, tmp_path: Path) -> Iterator[Watched]:
    """Give a daemon that waits for this answer, with the database that it is to leave."""
    with application(sqlite_url) as app, Watched(sqlite_url, tmp_path, relay.port) as daemon:
        app.enqueue(1)
        assert relay.thinks.wait(30)
        daemon.wait_heard("READY=1")
        yield daemon
        relay.may_answer.set()


def lose(daemon: Watched, relay: Thinking, proxy: DatabaseProxy) -> None:
    """Reload with the database behind `proxy`, which is lost when it has been met."""
    daemon.tell(database_url=proxy.url())
    daemon.reload()
    wait_until(lambda: "when 1 connections have finished" in daemon.log(), "the new database has been met")
    proxy.cut(refuse=True)
    relay.may_answer.set()
    wait_until(lambda: "next try in" in daemon.log(), "the new daemon cannot begin")


def test_a_database_lost_between_its_meeting_and_the_new_daemon_is_waited_for(
    daemon: Watched, relay: Thinking, postgresql_url: str
) -> None:
    with application(postgresql_url) as app, DatabaseProxy(postgresql_url) as proxy:
        app.enqueue(2)
        lose(daemon, relay, proxy)
        wait_until(lambda: daemon.status().startswith("the database fails ("), "the status line tells it")
        proxy.admit()
        app.wait_sent(2)
        wait_until(lambda: "the database answers again" in daemon.log(), "the log tells that it is over")
        daemon.wait_heard(*RELOADED)
        assert daemon.terminate() == 0
        assert app.counts() == {"sent": 2}
    assert len(relay.mails) == 3


def test_a_daemon_that_cannot_begin_yet_ends_when_it_is_told_to(
    daemon: Watched, relay: Thinking, postgresql_url: str
) -> None:
    with application(postgresql_url), DatabaseProxy(postgresql_url) as proxy:
        lose(daemon, relay, proxy)
        assert daemon.terminate() == 0


def test_a_stop_does_not_wait_for_the_meeting_of_a_silent_database(
    daemon: Watched, relay: Thinking, postgresql_url: str
) -> None:
    with DatabaseProxy(postgresql_url) as proxy:
        proxy.stall()
        daemon.tell(database_url=proxy.url())
        daemon.reload()
        wait_until(lambda: proxy.connections == 1, "it waits for the database's first byte")
        daemon.send(signal.SIGTERM)
        relay.may_answer.set()
        assert daemon.wait_end() == 0
    assert daemon.heard()[-1] == "STOPPING=1"


@pytest.mark.parametrize("journal", [True, False])
def test_what_the_database_refuses_is_held_by_each_next_daemon_and_goes_no_second_time(
    sqlite_url: str, tmp_path: Path, *, journal: bool
) -> None:
    rule = "BEFORE UPDATE ON outbox_delivery WHEN NEW.status = 'sent' BEGIN SELECT RAISE(ABORT, 'no'); END"
    over = "SELECT count(*) FROM outbox_session WHERE state = 'lost'"
    daemon = Watched(sqlite_url, tmp_path, 0)
    if not journal:
        del daemon._environment["OUTBOX_STATE_DIR"]
    with application(sqlite_url) as app, FaultyServer() as relay:
        daemon.tell(smtp_port=relay.port, lease_ttl=1)
        with app.engine.begin() as connection:
            connection.execute(text(f"CREATE TRIGGER rule {rule}"))
        with daemon:
            # The session that holds one on leaves a journal of its own that does not name it.
            for count in (1, 2):
                app.enqueue(1)
                wait_until(lambda: daemon.log().count("refuses the verdict") >= 2 * count - 1, "a refusal")  # noqa: B023
                before = app.scalar(over)
                daemon.reload()
                wait_until(lambda: bool(daemon.heard()) and app.scalar(over) != before, "its session is over")  # noqa: B023
                wait_until(lambda: bool(daemon.heard()) and not app.counts()["pending"], "nothing waits")
            assert (app.counts()["sending"], len(relay.mails)) == (2, 2)
            with app.engine.begin() as connection:
                connection.execute(text("DROP TRIGGER rule"))
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 2}
        assert len(relay.mails) == 2
