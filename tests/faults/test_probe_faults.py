"""The one probe of all daemons is had by one that can use it, and is left by one that cannot."""

import logging
from pathlib import Path

import pytest

import outbox
from outbox.testing import FaultyServer, cut, stall
from tests.support.daemon import RunningDaemon, application
from tests.support.inside import InsideDaemon, daemon_inside
from tests.support.waiting import wait_until

PROBED = "SELECT count(*) FROM outbox_gate WHERE prober IS NOT NULL"
ASKED = "is tried with one mail"
OPEN = "SELECT count(*) FROM outbox_gate WHERE open_until IS NOT NULL"


def looks(inside: InsideDaemon, count: int) -> None:
    """Wait until the desk has looked for work so often from now on."""
    desk, seen = inside.desk, [0]
    look = desk.look

    async def counted(*given: object) -> float:
        wait: float = await look(*given)  # type: ignore[arg-type]
        seen[0] += 1
        return wait

    desk.look = counted  # type: ignore[method-assign,assignment]
    wait_until(lambda: seen[0] >= count, f"it has looked {count} times")
    desk.look = look  # type: ignore[method-assign]


def wait_is_over(inside: InsideDaemon) -> bool:
    desk = inside.desk
    return inside.do(lambda: desk.is_open and not desk._breaker.wait(desk._now()))


def test_nobody_asks_for_the_probe_of_a_relay_that_a_person_has_paused(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outbox")
    with application(database_url) as app, FaultyServer(greeting=[cut, None]) as relay:
        with app.engine.begin() as connection:
            outbox.pause(connection, relay="main")
        with daemon_inside(database_url, relay.port) as inside:
            app.enqueue(1)
            looks(inside, 1)
            inside.do(lambda: inside.desk._breaker.fault(inside.desk._now(), 0.0))
            wait_until(lambda: wait_is_over(inside), "the relay may be tried")
            looks(inside, 3)
            assert (app.scalar(OPEN), app.scalar(PROBED)) == (1, 0)
    assert ASKED not in caplog.text


def test_a_daemon_whose_verdicts_cannot_be_stored_leaves_the_probe_to_the_others(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outbox")
    with (
        application(database_url) as app,
        FaultyServer() as relay,
        daemon_inside(database_url, relay.port) as inside,
    ):
        inside.do(lambda: setattr(inside.daemon._recorder, "is_stalled", lambda: True))
        app.enqueue(1)
        inside.do(lambda: inside.desk._breaker.fault(inside.desk._now(), 0.0))
        wait_until(lambda: wait_is_over(inside), "the relay may be tried")
        looks(inside, 3)
        assert (app.scalar(OPEN), app.scalar(PROBED)) == (1, 0)
        assert ASKED not in caplog.text
        # One that it has got before that it gives back.
        inside.do(lambda: inside.desk._breaker.take_probe(inside.desk._now()))
        looks(inside, 2)
        assert not inside.do(lambda: inside.desk._breaker.width(inside.desk._now()))


def test_a_daemon_that_stops_leaves_the_probe_to_the_others(database_url: str, tmp_path: Path) -> None:
    with application(database_url) as app, FaultyServer(greeting=[cut, stall]) as relay:
        app.enqueue(1)
        with RunningDaemon(database_url, tmp_path, port=relay.port, connections=1) as daemon:
            wait_until(lambda: app.scalar(PROBED) == 1, "it probes")
            assert daemon.terminate() == 0
        assert (app.scalar(OPEN), app.scalar(PROBED)) == (1, 0)


def test_a_mail_that_a_connection_left_untouched_is_the_probe_where_the_relay_is_down_then(
    sqlite_url: str,
) -> None:
    # The second mail meets a cut, and then no greeting: its sender had kept it for the next connection.
    faults = FaultyServer(greeting=[None, cut, None], mail=[None, cut, None])
    with application(sqlite_url) as app, faults as relay, daemon_inside(sqlite_url, relay.port):
        for n in (1, 2):
            app.enqueue(1, tag=f"mail{n}-")
            app.wait_sent(n, 20)
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 1
