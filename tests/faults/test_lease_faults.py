"""A daemon that cannot know whether it still holds a mail writes no dot, and one that works is not lost."""

import os
import signal
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.delivery.retry import RetryPolicy
from outbox.store.database import Database
from outbox.store.grants import Role
from outbox.store.queue import Queue
from outbox.worker import clearance, desk, heartbeat
from outbox.worker.lease import boot_clock
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, Script, scripted
from tests.support.sitting import Sitting
from tests.support.users import as_role
from tests.support.waiting import wait_until

LARGE = "0123456789 " * 1_500_000
"""More than any socket buffer takes at once."""

SUSPENDED = 90.0
LOCK_SESSIONS = text("SELECT id FROM outbox_session FOR UPDATE")


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the seconds, in a list, by which the clock of the lease has jumped ahead."""
    ahead = [0.0]
    for module in (clearance, desk, heartbeat):
        monkeypatch.setattr(module, "boot_clock", lambda: boot_clock() + ahead[0])
    return ahead


class Interrupted:
    """Takes some of a large mail's body and the rest, perhaps with a dot, when the test lets it."""

    def __init__(self) -> None:
        self.in_the_middle, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, peer: Peer) -> None:
        """Be the script."""
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_at_least(100_000)
        self.in_the_middle.set()
        assert self.may_go_on.wait(20)
        peer.hear_the_end()
        assert len(peer.heard) > len(LARGE)
        assert b"\r\n.\r\n" not in peer.heard


def taking(count: int) -> Script:
    """Return the script of a relay that takes so many mails."""

    def script(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for _ in range(count):
            peer.take_mail()
        peer.take_quit()

    return script


def test_fault_9_after_a_suspension_between_body_and_dot_the_dot_does_not_go(
    postgresql_url: str, jump: list[float]
) -> None:
    interrupted = Interrupted()
    with scripted(interrupted, taking(1)) as relay, application(postgresql_url) as app:
        app.enqueue(1, body=LARGE)
        with daemon_inside(postgresql_url, relay.port, lease_ttl=6) as inside:
            assert interrupted.in_the_middle.wait(20)
            with app.engine.begin() as other:
                other.execute(LOCK_SESSIONS)  # no beat may renew the lease before the dot is due
                jump[0] = SUSPENDED
                interrupted.may_go_on.set()
                wait_until(lambda: app.counts() == {"pending": 1}, "the mail is given back")
            app.wait_sent(1)
            inside.drain()
        assert_untroubled(app, fence=2)
        assert app.scalar("SELECT count(*) FROM outbox_session") == 1


def test_fault_9_a_session_that_was_lost_in_a_suspension_drops_its_claims_and_a_new_one_begins(
    postgresql_url: str, jump: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    # What is still under way under the lost claim is put off: not for long here.
    interrupted, policy = Interrupted(), RetryPolicy(fault_pause=0.5)
    with scripted(interrupted, taking(2)) as relay, application(postgresql_url) as app:
        app.enqueue(1, body=LARGE)
        app.enqueue(1)
        with daemon_inside(postgresql_url, relay.port, lease_ttl=6, policy=policy) as inside:
            assert interrupted.in_the_middle.wait(20)
            assert app.counts() == {"sending": 2}
            jump[0] = SUSPENDED
            lose_all_sessions(app)
            wait_until(lambda: "declared lost" in caplog.text, "a new session begins")
            held, second = inside.daemon._holdings._held, app.scalar("SELECT max(id) FROM outbox_delivery")
            assert isinstance(second, int)
            wait_until(
                lambda: held.get(second) is None or held[second].fence != 1,
                "what it had not begun is dropped",
            )
            interrupted.may_go_on.set()
            app.wait_sent(2)
            inside.drain()
        assert app.counts() == {"sent": 2}
        assert app.scalar("SELECT count(*) FROM outbox_delivery WHERE fence = 1") == 0
        assert app.scalar("SELECT count(*) FROM outbox_attempt WHERE verdict <> 'rescue_resend'") == 0
        states = app.scalar("SELECT string_agg(state, ' ' ORDER BY started_at) FROM outbox_session")
        assert states == "lost stopped"


def test_fault_10_a_busy_loop_does_not_keep_the_heart_from_beating(
    postgresql_url: str, tmp_path: Path
) -> None:
    sitting = Sitting()
    with scripted(sitting) as relay, application(postgresql_url) as app, LedgerSink() as sink:
        app.enqueue(1)
        with daemon_inside(postgresql_url, relay.port, lease_ttl=2) as inside:
            sitting.wait_dot()
            with RunningDaemon(postgresql_url, tmp_path, port=sink.port, lease_ttl=2) as other:
                # The other may declare somebody lost after nine beats of its own; all loops but ours go on.
                inside.do(lambda: app.wait_beats(other.pid, 14))
                assert app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'running'") == 2
                assert other.terminate() == 0
                assert "rescued" not in other.log()
            sitting.answer()
            app.wait_sent(1)
            inside.drain()
        assert sink.entries() == []
        assert_untroubled(app, fence=1)


def test_fault_10_when_the_beat_fails_for_two_thirds_of_the_ttl_no_dot_goes(postgresql_url: str) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def hesitating(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        asked.set()
        assert may_answer.wait(20)
        peer.say("250 ok", "250 ok", "354 go")
        peer.hear_the_end()
        assert b"\r\n.\r\n" not in peer.heard

    with scripted(hesitating, taking(1)) as relay, application(postgresql_url) as app:
        app.enqueue(1)
        with daemon_inside(postgresql_url, relay.port, lease_ttl=2) as inside:
            assert asked.wait(20)
            app.wait_beats(os.getpid(), 1)
            with app.engine.begin() as other:
                other.execute(LOCK_SESSIONS)
                wait_until(
                    lambda: not inside.daemon._heartbeat.lease.is_valid(boot_clock()), "the lease is over"
                )
                may_answer.set()
                wait_until(lambda: app.counts() == {"pending": 1}, "the mail is given back")
            app.wait_sent(1)
            inside.drain()
        assert_untroubled(app, fence=2)
        assert app.scalar("SELECT count(*) FROM outbox_session") == 1


def test_fault_11_a_draining_daemon_beats_until_its_last_verdict_is_written(
    postgresql_url: str, tmp_path: Path
) -> None:
    sitting = Sitting()
    with scripted(sitting) as relay, application(postgresql_url) as app, LedgerSink() as sink:
        app.enqueue(1)
        with RunningDaemon(postgresql_url, tmp_path, port=relay.port, lease_ttl=2) as daemon:
            sitting.wait_dot()
            with RunningDaemon(postgresql_url, tmp_path, port=sink.port, lease_ttl=2) as other:
                daemon.send(signal.SIGTERM)
                wait_until(lambda: "stopping:" in daemon.log(), "the daemon drains")
                app.wait_beats(daemon.pid, 12)
                with app.engine.begin() as holder:
                    holder.execute(text("SELECT id FROM outbox_delivery FOR UPDATE"))
                    sitting.answer()
                    app.wait_beats(daemon.pid, 8)
                assert daemon.wait_end() == 0
                assert other.terminate() == 0
                assert "rescued" not in other.log()
        assert sink.entries() == []
        assert_untroubled(app, fence=1)
        assert app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'stopped'") == 2


def lose_all_sessions(app: Application) -> None:
    """Declare all sessions lost and take what they hold, as another daemon does after their TTL."""
    with app.engine.begin() as connection:
        connection.execute(text("UPDATE outbox_session SET state = 'lost'"))
    database = Database(as_role(app.engine.url.render_as_string(hide_password=False), Role.DAEMON))
    Queue(database).rescue()  # or it has rescued them itself
    database.close()
    assert app.scalar("SELECT count(*) FROM outbox_attempt WHERE verdict = 'rescue_resend'") == 2


def assert_untroubled(app: Application, *, fence: int) -> None:
    """Assert that the one mail was sent by its last claim, and that nothing is noted of any before."""
    assert app.counts() == {"sent": 1}
    assert app.scalar("SELECT fence FROM outbox_delivery") == fence
    assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
