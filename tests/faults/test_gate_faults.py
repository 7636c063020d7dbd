"""What all daemons share at a gate: a storm of policy, a relay that throttles, and one that is down."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

import outbox
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.timed_relay import TimedRelay
from tests.support.waiting import wait_until

TAKEN = b"250 2.0.0 Ok"
DENIED = b"550 5.7.1 relaying denied"
THROTTLED = b"454 4.7.0 Throttling failure: Maximum sending rate exceeded."


def enqueue(app: Application, count: int) -> None:
    """Commit so many mails to four domains in turn."""
    mails = [
        outbox.Email(to=f"ann{n}@{'abcd'[n % 4]}.example", subject="Hello", text="Hello.")
        for n in range(count)
    ]
    with app.engine.begin() as connection:
        app.outbox.enqueue_many(connection, mails)


@contextmanager
def meeting(
    url: str, folder: Path, count: int, answer: bytes = TAKEN, *, away: bool = False
) -> Iterator[tuple[Application, TimedRelay, RunningDaemon]]:
    """Have a daemon meet so many mails, and a relay that is away or gives this answer to each."""
    with application(url) as app, TimedRelay() as relay:
        relay.answer, relay.away = answer, away
        enqueue(app, count)
        with RunningDaemon(url, folder, port=relay.port) as daemon:
            yield app, relay, daemon


def release_all(app: Application) -> None:
    with app.engine.begin() as connection:
        ids = connection.execute(text("SELECT id FROM outbox_message")).scalars().all()
        for id_ in ids:
            outbox.release(connection, id_)


def test_fault_57_a_relay_that_refuses_everybody_fails_nothing_and_is_told_loudly(
    database_url: str, tmp_path: Path
) -> None:
    with meeting(database_url, tmp_path, 60, DENIED) as (app, relay, daemon):
        wait_until(lambda: app.counts()["held"] == 60, "all mail is held")
        assert app.counts() == {"held": 60}
        wanted = "SELECT count(*) FROM outbox_delivery WHERE reason = 'policy_storm' AND attempts = 0"
        assert app.scalar(wanted) == 60
        assert "refuses one mail after the other for the same reason" in daemon.log()
        relay.answer = TAKEN
        release_all(app)
        app.wait_sent(60)
        assert daemon.terminate() == 0
        assert app.counts() == {"sent": 60}


def test_fault_57_few_refusals_fail_as_they_are_as_soon_as_nothing_else_waits(
    sqlite_url: str, tmp_path: Path
) -> None:
    with meeting(sqlite_url, tmp_path, 5, DENIED) as (app, _, daemon):
        wait_until(lambda: app.counts()["failed"] == 5, "they have failed", 20)
        assert daemon.terminate() == 0
        assert app.scalar("SELECT min(attempts) FROM outbox_delivery") == 1


def test_fault_58_a_relay_that_throttles_is_sent_less_and_no_attempt_is_burnt(
    postgresql_url: str, tmp_path: Path
) -> None:
    with meeting(postgresql_url, tmp_path, 20, THROTTLED) as (app, relay, daemon):
        wait_until(lambda: "we are too fast" in daemon.log(), "it has slowed down")
        relay.answer = TAKEN
        assert app.scalar("SELECT count(*) FROM outbox_wait WHERE reason = 'throttled'") == 1
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery WHERE status <> 'sent'") == 0
        wait_until(lambda: bool(relay.arrivals), "mail goes on", 60)
        assert daemon.terminate() == 0
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def test_fault_80_a_daemon_that_starts_leaves_alone_what_others_found_down(
    database_url: str, tmp_path: Path
) -> None:
    with meeting(database_url, tmp_path, 20, away=True) as (app, relay, first):
        wait_until(lambda: first.log().count("next try in") >= 4, "the breaker has opened for long")
        assert first.terminate() == 0
        probed = len(relay.connections)
        with RunningDaemon(database_url, tmp_path, port=relay.port) as second:
            wait_until(lambda: "is down, as another daemon has met" in second.log(), "it knows")
            assert len(relay.connections) <= probed + 1
            relay.away = False
            app.wait_sent(20)
            assert second.terminate() == 0
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
