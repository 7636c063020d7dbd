"""The clock of a daemon's host may be wrong or step: nothing is claimed, retried or rescued by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, scripted
from tests.support.sitting import Silent
from tests.support.waiting import wait_until
from tests.support.wrong_clock import MisledDaemon

pytestmark = pytest.mark.trial

TTL = 4


def test_fault_8_daemons_whose_clocks_are_an_hour_wrong_and_step_claim_nothing_early_and_lose_nobody(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app, LedgerSink() as sink:
        enqueue_at(app, "soon", send_at=datetime.now(UTC) + timedelta(minutes=30))
        fast, slow = (
            MisledDaemon(postgresql_url, tmp_path, port=sink.port, lease_ttl=TTL, clock=clock)
            for clock in ("+1h", "-1h")
        )
        right = RunningDaemon(postgresql_url, tmp_path, port=sink.port, lease_ttl=TTL)
        with fast, slow, right:
            app.enqueue(100, tag="before")
            app.wait_sent(100)
            fast.step("-1h")
            slow.step("+1h")
            app.enqueue(100, tag="after")
            # Nine beats after its beginning each may declare the others lost.
            for daemon in (fast, slow, right):
                app.wait_beats(daemon.pid, 6)
            app.wait_sent(200)
            running = app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'running'")
            assert (running, app.scalar("SELECT count(*) FROM outbox_session")) == (3, 3)
            assert [daemon.terminate() for daemon in (fast, slow, right)] == [0, 0, 0]
        assert app.counts() == {"sent": 200, "pending": 1}
        assert len(sink.entries()) == 200
        assert app.scalar("SELECT fence FROM outbox_delivery WHERE status = 'pending'") == 0
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


@pytest.mark.parametrize("clock", ["+1h", "-1h"])
def test_fault_8_a_mail_expires_and_is_retried_by_the_clock_of_the_database(
    postgresql_url: str, tmp_path: Path, clock: str
) -> None:
    def busy(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", "451 4.2.0 busy", "503 no recipients")
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_quit()

    with scripted(busy) as relay, application(postgresql_url) as app:
        enqueue_at(app, "useful", expires_at=datetime.now(UTC) + timedelta(minutes=30))
        daemon = MisledDaemon(postgresql_url, tmp_path, port=relay.port, connections=1, clock=clock)
        with daemon:
            wait_until(
                lambda: app.scalar("SELECT attempts FROM outbox_delivery") == 1, "the mail is deferred"
            )
            assert daemon.terminate() == 0
        wait = app.scalar("SELECT EXTRACT(EPOCH FROM due_at - now())::float FROM outbox_delivery")
        assert isinstance(wait, float)
        assert 0.75 * 300 - 30 < wait < 1.25 * 300


@pytest.mark.parametrize("clock", ["-1h", "+9y"])
def test_fault_8_a_clock_that_is_set_while_a_daemon_runs_keeps_it_from_no_rescue(
    postgresql_url: str, tmp_path: Path, clock: str
) -> None:
    silent = Silent()
    with scripted(silent) as relay, application(postgresql_url) as app, LedgerSink() as sink:
        app.enqueue(1)
        with RunningDaemon(postgresql_url, tmp_path, port=relay.port, lease_ttl=TTL) as victim:
            silent.wait_dot()
            other = MisledDaemon(postgresql_url, tmp_path, port=sink.port, lease_ttl=TTL, clock="+0h")
            with other:
                app.wait_beats(other.pid, 2)
                other.step(clock)
                victim.kill()
                app.wait_sent(1)
                assert other.terminate() == 0
        assert len(sink.entries()) == 1


def enqueue_at(app: Application, name: str, **when: datetime) -> None:
    """Enqueue a mail with an instant by the application's own clock."""
    with app.engine.begin() as connection:
        app.outbox.enqueue(connection, to=f"{name}@example.org", subject=name, text="Hello.", **when)  # type: ignore[arg-type] # as named
