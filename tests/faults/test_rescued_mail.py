"""Mail that was in the hands of a daemon that died goes alone, but it goes."""

from pathlib import Path

from sqlalchemy import text

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

RESCUED, FRESH = 20, 500


def enqueue_rescued(app: Application, count: int) -> None:
    app.enqueue(count, tag="rescued")
    with app.engine.begin() as connection:
        connection.execute(text("UPDATE outbox_delivery SET lane = 2, rescues = 1"))


def test_fault_78_rescued_mail_is_announced_and_sent_beside_a_backlog(
    sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app, LedgerSink(delay=0.02) as sink:
        enqueue_rescued(app, RESCUED)
        app.enqueue(FRESH, tag="fresh")
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            app.wait_sent(RESCUED + FRESH)
            assert daemon.terminate() == 0
        order = [entry.recipient.startswith("rescued") for entry in sink.entries()]
        assert (len(order), sum(order)) == (RESCUED + FRESH, RESCUED)
        assert sum(order[: FRESH // 2]) > 1, "it has waited for all the others"
        assert app.scalar("SELECT count(*) FROM outbox_delivery WHERE announced = fence") == RESCUED
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def test_fault_78_rescued_mail_waits_for_a_relay_that_is_down_and_goes_when_it_is_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        sink.stop()
        enqueue_rescued(app, 2)
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            wait_until(lambda: "next try in" in daemon.log(), "the daemon has met the outage")
            sink.start()
            app.wait_sent(2)
            assert daemon.terminate() == 0
        assert len(sink.entries()) == 2


def test_fault_78_a_drain_gives_back_rescued_mail_that_waits_for_its_turn(
    sqlite_url: str, tmp_path: Path
) -> None:
    with application(sqlite_url) as app, LedgerSink(delay=0.2) as sink:
        enqueue_rescued(app, RESCUED)
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            sink.wait_entries(2)
            assert daemon.terminate() == 0
        sent = app.counts()["sent"]
        assert app.counts() == {"sent": sent, "pending": RESCUED - sent}
        assert len(sink.entries()) == sent
        # Given back in order, it is as little suspect as before.
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
