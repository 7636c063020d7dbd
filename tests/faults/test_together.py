"""Daemons that share a queue, and one that is told to stop, double nothing and leave nothing behind."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

pytestmark = pytest.mark.trial


def test_two_daemons_drain_one_queue_without_doubling_or_deadlock(
    postgresql_url: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    mails = 20_000
    with application(postgresql_url) as app, LedgerSink() as sink:
        app.enqueue(mails)
        daemons = [RunningDaemon(postgresql_url, tmp_path, port=sink.port) for _ in range(2)]
        with daemons[0], daemons[1]:
            app.wait_sent(mails, timeout=120)
            assert [daemon.terminate() for daemon in daemons] == [0, 0]
        assert app.committed() == _arrived(sink)
        shares = [_sent_by(daemon) for daemon in daemons]
        report(f"two daemons shared {mails} mails as {shares}")
        assert sum(shares) == mails
        assert min(shares) > 0
        with app.engine.connect() as connection:
            deadlocks = connection.execute(
                text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            ).scalar()
        assert deadlocks == 0
        assert not [line for daemon in daemons for line in daemon.log().splitlines() if "WARNING" in line]


def _arrived(sink: LedgerSink) -> Counter[tuple[str, str]]:
    return Counter((entry.message_id, entry.recipient) for entry in sink.entries())


def _sent_by(daemon: RunningDaemon) -> int:
    last = next(line for line in reversed(daemon.log().splitlines()) if "stopped: " in line)
    return int(last.partition("stopped: ")[2].split()[0])


def test_a_daemon_told_to_stop_finishes_what_it_has_begun_and_gives_back_the_rest(
    database_url: str, tmp_path: Path
) -> None:
    with application(database_url) as app, LedgerSink() as sink:
        app.enqueue(2000)
        with RunningDaemon(database_url, tmp_path, port=sink.port) as daemon:
            sink.wait_entries(300)
            assert daemon.terminate() == 0
        counts = app.counts()
        assert counts["sending"] == 0
        assert counts["pending"] > 0
        assert counts["sent"] == len(sink.entries())
        assert app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'stopped'") == 1
        with RunningDaemon(database_url, tmp_path, port=sink.port) as daemon:
            wait_until(lambda: app.counts() == {"sent": 2000}, "the next daemon sends the rest")
        assert len(sink.entries()) == 2000
