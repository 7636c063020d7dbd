"""Others know by the database which mails of a killed daemon may have gone that must not go twice."""

from pathlib import Path

import pytest

from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.scripted import scripted
from tests.support.sitting import Silent
from tests.support.waiting import wait_until

CAREFUL = 30


def queue(app: object, on_doubt: str) -> None:
    with app._own.begin() as connection:  # type: ignore[attr-defined] # as an application
        for n in range(CAREFUL):
            app.outbox.enqueue(  # type: ignore[attr-defined] # as above
                connection,
                to=f"ann{n}@example.org",
                subject="Hi",
                text="Hello.",
                on_doubt=on_doubt,
            )


@pytest.mark.parametrize("on_doubt", ["hold", "assume_sent"])
def test_fault_76_only_what_a_killed_daemon_had_announced_waits_for_a_person(
    database_url: str, tmp_path: Path, on_doubt: str
) -> None:
    silent = Silent()
    with application(database_url) as app, LedgerSink() as sink:
        queue(app, on_doubt)
        # Every other connection waits for a greeting.
        with scripted(silent) as relay:
            daemon = RunningDaemon(database_url, tmp_path, port=relay.port, lease_ttl=2)
            daemon.launch()
            try:
                silent.wait_dot()
                assert app.counts()["sending"] >= 8
            finally:
                daemon.kill()
        # Another host, which knows of no journal.
        with RunningDaemon(database_url, tmp_path, port=sink.port, lease_ttl=2) as daemon:
            wait_until(lambda: not app.counts()["sending"] + app.counts()["pending"], "all has ended")
            assert daemon.terminate() == 0
        counts = app.counts()
        # The one at its dot, the one whose envelope went with that, and the next.
        assert 1 <= counts["in_doubt"] <= 3
        assert counts["sent"] == CAREFUL - counts["in_doubt"] == len(sink.entries())
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery WHERE status = 'sent'") == 1


def test_mail_that_may_go_again_pays_for_no_announcement(sqlite_url: str, tmp_path: Path) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        app.enqueue(50)
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            app.wait_sent(50)
            assert daemon.terminate() == 0
        assert app.scalar("SELECT count(*) FROM outbox_delivery WHERE announced IS NOT NULL") == 0
