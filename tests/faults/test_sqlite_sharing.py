"""An application and a working daemon share one SQLite file, and neither gets in the other's way."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink

TRANSACTIONS = 1000
BACKLOG = 8000


@pytest.mark.trial
def test_fault_25_a_thousand_transactions_that_read_and_then_enqueue_meet_no_lock_in_a_drain(
    sqlite_url: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        app.enqueue(BACKLOG, tag="backlog")
        seconds = []
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            sink.wait_entries(1)
            for n in range(TRANSACTIONS):
                began = time.perf_counter()
                with app.engine.begin() as connection:
                    connection.execute(text("SELECT count(*) FROM outbox_message WHERE subject = 'none'"))
                    app.outbox.enqueue(connection, to=f"page{n}@example.org", subject="Page", text="Page.")
                seconds.append(time.perf_counter() - began)
            drained_meanwhile = app.counts()["sent"]
            app.wait_sent(BACKLOG + TRANSACTIONS)
            assert daemon.terminate() == 0
        assert drained_meanwhile > BACKLOG // 10, "the daemon stood still meanwhile"
        assert len(sink.entries()) == BACKLOG + TRANSACTIONS
        assert "database is locked" not in daemon.log()
    seconds.sort()
    p50, p99 = (seconds[TRANSACTIONS * percent // 100] * 1000 for percent in (50, 99))
    report(
        f"SQLite, {TRANSACTIONS} transactions that read, then enqueue, in a drain: 0 errors, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; {drained_meanwhile} mails sent meanwhile"
    )
