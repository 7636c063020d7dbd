"""A daemon that runs out of file descriptors blames no relay and no mail, and works on with what it has."""

import resource
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.delivery.descriptors import RESERVE
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.few_descriptors import DESCRIPTORS
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

SHORT = "file descriptors left, and opens no further connection"


class FewDescriptors(RunningDaemon):
    """A daemon whose shell has said `ulimit -n 64`."""

    program = ("tests.support.few_descriptors",)


class SoftlyFew(RunningDaemon):
    """A daemon that may raise that limit itself."""

    program = ("tests.support.few_descriptors", "soft")


def taken(daemon: RunningDaemon) -> int:
    """Return how many descriptors it has open."""
    return sum(1 for _ in Path(f"/proc/{daemon.pid}/fd").iterdir())


def allow(daemon: RunningDaemon, descriptors: int) -> None:
    """Set its soft limit while it runs."""
    _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (descriptors, hard))


def assert_nobody_is_blamed(app: Application, daemon: RunningDaemon) -> None:
    """Assert that no mail and no relay has anything from it but the mails that were sent."""
    assert app.scalar("SELECT max(attempts) FROM outbox_delivery WHERE status <> 'sent'") in {None, 0}
    assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
    with app.engine.connect() as connection:
        gates = connection.execute(text("SELECT opened_at, waits, fault FROM outbox_gate")).all()
    assert [tuple(gate) for gate in gates if any(gate)] == []
    assert "cannot be reached" not in daemon.log()
    assert "Too many open files" not in daemon.log()


def test_fault_81_a_hundred_connections_with_64_descriptors_send_by_those_that_there_are(
    database_url: str, tmp_path: Path
) -> None:
    with application(database_url) as app, LedgerSink() as sink:
        app.enqueue(1000)
        with FewDescriptors(
            database_url, tmp_path, port=sink.port, connections=100, state_dir=tmp_path
        ) as daemon:
            app.wait_sent(1000)
            # Its database may have taken some of the reserve since.
            assert taken(daemon) <= DESCRIPTORS - RESERVE // 2
            assert daemon.terminate() == 0
        assert len(sink.entries()) == 1000
        assert SHORT in daemon.log()
        assert_nobody_is_blamed(app, daemon)


def test_fault_81_a_daemon_raises_a_soft_limit_that_its_connections_would_exceed(
    sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        app.enqueue(500)
        with SoftlyFew(sqlite_url, tmp_path, port=sink.port, connections=60) as daemon:
            assert resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0] > DESCRIPTORS + 60 - RESERVE
            app.wait_sent(500)
            assert daemon.terminate() == 0
        assert SHORT not in daemon.log()


@pytest.mark.trial
def test_fault_81_a_daemon_without_descriptors_leaves_its_mail_to_others_and_goes_on_when_it_has_some(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app, LedgerSink() as sink:
        with RunningDaemon(postgresql_url, tmp_path, port=sink.port, smtp_hello="poor.example") as poor:
            app.wait_beats(poor.pid, 1)
            allow(poor, taken(poor) + RESERVE - 1)
            app.enqueue(50)
            wait_until(lambda: SHORT in poor.log() and app.counts() == {"pending": 50}, "it gives all back")
            app.wait_beats(poor.pid, 1)
            with RunningDaemon(postgresql_url, tmp_path, port=sink.port, smtp_hello="rich.example") as rich:
                app.wait_sent(50)
                assert rich.terminate() == 0
            assert {entry.client for entry in sink.entries()} == {"rich.example"}
            assert_nobody_is_blamed(app, poor)
            # It claimed one at a time, later and later, and gave it back.
            assert int(str(app.scalar("SELECT max(fence) FROM outbox_delivery"))) <= 20
            allow(poor, 200)
            app.enqueue(50, tag="later")
            app.wait_sent(100)
            assert poor.terminate() == 0
        assert {entry.client for entry in sink.entries()[50:]} == {"poor.example"}


def test_fault_81_connections_that_are_open_go_on_while_there_is_none_for_another(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app, LedgerSink() as sink:
        with RunningDaemon(postgresql_url, tmp_path, port=sink.port, connections=8) as daemon:
            app.enqueue(1)
            app.wait_sent(1)
            allow(daemon, taken(daemon))
            app.enqueue(500)
            app.wait_sent(501)
            assert daemon.terminate() == 0
        assert SHORT in daemon.log()
        assert "the open ones go on" in daemon.log()
        assert_nobody_is_blamed(app, daemon)
