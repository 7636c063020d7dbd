"""Where a stream names several relays, the next one takes its mail while those before it are down."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outbox.delivery.breaker import FIRST_WAIT
from outbox.delivery.relay import Pool, Relay, Timeouts
from outbox.delivery.retry import RetryPolicy
from outbox.mail.rate import Limit
from outbox.mail.stream import Stream, Streams
from outbox.testing import FaultyServer, cut, stall
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.inside import InsideDaemon, daemon_inside
from tests.support.sending import relay_at
from tests.support.waiting import free_port, wait_until

DOUBTFUL = "SELECT count(*) FROM outbox_delivery WHERE doubts = 1 AND relay = 'main' AND status <> 'sent'"
BOTH = Streams({"default": Stream(("main", "backup"))})


def relays(main: FaultyServer, backup: FaultyServer) -> tuple[Relay, ...]:
    pool = Pool(4)
    return relay_at(main.port, pool=pool), relay_at(backup.port, name="backup", pool=pool)


@contextmanager
def daemon(url: str, main: FaultyServer, backup: FaultyServer, **options: Any) -> Iterator[InsideDaemon]:
    """Run a daemon whose mail goes through `main`, or through `backup` while that is down."""
    given = {"streams": BOTH, "relays": relays(main, backup), **options}
    with daemon_inside(url, main.port, **given) as inside:
        yield inside


def at(server: FaultyServer) -> str:
    return f"smtp://127.0.0.1:{server.port}"


def arrived(server: FaultyServer) -> list[str]:
    return [recipient for mail in server.mails for recipient in mail.recipients]


def assert_each_arrived_once(app: Application, *servers: FaultyServer) -> None:
    """Find each mail at one of the relays, once, and in the database the name of which."""
    everywhere = [recipient for server in servers for recipient in arrived(server)]
    assert len(everywhere) == len(set(everywhere)) == app.scalar("SELECT count(*) FROM outbox_delivery")


def test_the_backup_takes_over_from_a_relay_that_refuses_and_gives_back_when_it_works_again(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outbox")
    with application(database_url) as app, FaultyServer() as main, FaultyServer() as backup:
        with daemon(database_url, main, backup) as inside:
            app.enqueue(20, tag="before")
            app.wait_sent(20)
            assert (len(arrived(main)), len(arrived(backup))) == (20, 0)
            main.stop()
            began = time.monotonic()
            app.enqueue(200, tag="during")
            app.wait_sent(220)
            assert time.monotonic() - began < 10 * FIRST_WAIT
            assert app.scalar("SELECT max(attempts) FROM outbox_delivery WHERE relay = 'main'") == 1
            during = len(arrived(backup))
            assert during == 200
            main.start()
            # Its probe is one mail; then all that is new goes there.
            probes = 0
            while inside.do(lambda: inside.daemon._desks.is_open("main")):
                app.enqueue(1, tag=f"probe{probes}-")
                probes += 1
                app.wait_sent(220 + probes)
            app.enqueue(50, tag="after")
            app.wait_sent(270 + probes)
        assert app.counts() == {"sent": 270 + probes}
        assert_each_arrived_once(app, main, backup)
        assert not [each for each in arrived(backup) if each.startswith("after")]
        told = app.scalar("SELECT count(*) FROM outbox_delivery WHERE relay = 'backup'")
        assert told == len(arrived(backup))
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
    assert "the mail of stream default goes through relay backup: relay main is down" in caplog.text
    assert "the mail of stream default goes through relay main again" in caplog.text


@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
def test_the_backup_takes_one_mail_from_a_relay_that_accepts_and_says_nothing(
    sqlite_url: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outbox")
    silent: dict[str, Any] = {stage: stall}
    with application(sqlite_url) as app, FaultyServer(**silent) as main, FaultyServer() as backup:
        first, second = relays(main, backup)
        first = replace(first, timeouts=Timeouts(handshake=0.3))
        with daemon(sqlite_url, main, backup, relays=(first, second)) as inside:
            app.enqueue(1)
            app.wait_sent(1)
            assert arrived(backup) == ["mail0@example.org"]
            # One connection goes on waiting, but keeps nobody from looking whether the relay is back.
            probes = 0
            while main.connections < 3:
                app.enqueue(1, tag=f"probe{probes}-")
                probes += 1
                app.wait_sent(1 + probes)
            inside.drain()
        assert_each_arrived_once(app, main, backup)
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 1
    assert f"{stage if stage == 'greeting' else 'EHLO'}: no answer for 0.3 seconds" in caplog.text


def test_where_all_relays_are_down_mail_waits_and_goes_by_the_first_that_is_back(sqlite_url: str) -> None:
    with application(sqlite_url) as app, FaultyServer() as main, FaultyServer() as backup:
        main.stop()
        backup.stop()
        with daemon(sqlite_url, main, backup) as inside:
            app.enqueue(20)
            wait_until(
                lambda: inside.do(lambda: all(desk.is_open for desk in inside.daemon._desks)),
                "both are down",
            )
            backup.start()
            app.wait_sent(20)
        assert (len(arrived(main)), len(arrived(backup))) == (0, 20)
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 1


def test_a_relay_that_is_down_holds_up_no_stream_of_another(sqlite_url: str) -> None:
    streams = Streams({"default": Stream(("main",)), "bulk": Stream(("backup",))})
    with application(sqlite_url) as app, FaultyServer() as main, FaultyServer() as backup:
        main.stop()
        with daemon(sqlite_url, main, backup, streams=streams):
            app.enqueue(10, tag="waits")
            with app.engine.begin() as connection:
                for n in range(10):
                    app.outbox.enqueue(connection, to=f"bulk{n}@example.org", text="Hello.", stream="bulk")
            app.wait_sent(10)
            assert len(arrived(backup)) == 10
            main.start()
            app.wait_sent(20)
        assert len(arrived(main)) == 10


def test_a_mail_in_doubt_stays_with_its_relay_also_while_its_stream_goes_by_another(
    database_url: str,
) -> None:
    policy = RetryPolicy(doubt_pause=1.0, fault_pause=0.3)
    with (
        application(database_url) as app,
        FaultyServer(end_of_data=[cut, None]) as main,
        FaultyServer() as backup,
    ):
        app.enqueue(1, tag="doubtful")
        with daemon(database_url, main, backup, policy=policy):
            wait_until(lambda: app.scalar(DOUBTFUL) == 1, "it is in doubt")
            main.stop()
            app.enqueue(20, tag="other")
            app.wait_sent(20)
            wait_until(lambda: app.scalar(f"{DOUBTFUL} AND fence > 4") == 1, "it is tried")
            assert app.scalar(DOUBTFUL) == 1
            main.start()
            app.wait_sent(21)
        assert arrived(main) == ["doubtful0@example.org"]
        assert "doubtful0@example.org" not in arrived(backup)
        assert len(arrived(backup)) == 20


def test_a_mail_that_stays_with_a_relay_whose_quota_is_spent_is_kept_by_no_daemon(database_url: str) -> None:
    streams = Streams({"default": Stream(("backup",)), "few": Stream(("main",))})
    policy = RetryPolicy(fault_pause=0.3)
    with application(database_url) as app, FaultyServer() as main, FaultyServer() as backup:
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to="few@example.org", text="Hello.", stream="few")
        limited, other = relays(main, backup)
        given = replace(limited, limit=Limit(quota=1)), other
        with daemon(database_url, main, backup, streams=streams, relays=given, policy=policy):
            app.wait_sent(1)
            # Only now: the other one could have had the quota.
            with app.engine.begin() as connection:
                app.outbox.enqueue(connection, to="doubtful@example.org", text="Hello.")
                doubt = "UPDATE outbox_delivery SET doubts = 1, relay = 'main' WHERE status = 'pending'"
                connection.execute(text(doubt))
            left = "SELECT count(*) FROM outbox_delivery WHERE status = 'pending' AND fence > 4"
            wait_until(lambda: app.scalar(left) == 1, "it is claimed now and then, and given back")
        assert (len(arrived(main)), arrived(backup)) == (1, [])


def test_the_journal_knows_through_which_relay_a_mail_went_whose_daemon_was_killed(
    sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app, FaultyServer(end_of_data=stall) as backup:
        settings = {
            "relays": {"main": {"url": f"smtp://127.0.0.1:{free_port()}"}, "backup": {"url": at(backup)}},
            "streams": {"default": {"relay": ["main", "backup"]}},
        }
        state = tmp_path / "state"
        state.mkdir()
        given = {name: json.dumps(tables) for name, tables in settings.items()}
        nothing = dict.fromkeys(("smtp_host", "smtp_port", "smtp_tls"), "")
        app.enqueue(1)
        with RunningDaemon(sqlite_url, tmp_path, port=0, state_dir=state, **nothing, **given) as daemon:
            backup.wait_until(lambda: bool(backup.attempts) and backup.attempts[-1].answer == "stall")
            assert "goes through relay backup: relay main is down" in daemon.log()
            daemon.kill()
            daemon.start()
            wait_until(lambda: app.scalar("SELECT doubts FROM outbox_delivery") == 1, "it is settled")
        assert app.scalar("SELECT relay FROM outbox_delivery") == "backup"
