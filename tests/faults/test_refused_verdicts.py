"""A trigger of somebody's own refuses what the daemon knows: sending stops, and nothing goes out twice."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.worker import recorder
from outbox.worker.recorder import REFUSALS
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

MAILS = 500
FEW = 60
"""Mails that may go out before the third refusal is known."""

AUDIT = {
    "sqlite": (
        """CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery WHEN NEW.status = 'sent'
        BEGIN SELECT RAISE(ABORT, 'audit says no'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit() RETURNS trigger AS $$ BEGIN IF NEW.status = 'sent' THEN
        RAISE EXCEPTION 'audit says no' USING ERRCODE = 'AU001';
        END IF; RETURN NEW; END $$ LANGUAGE plpgsql""",
        "CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery FOR EACH ROW EXECUTE FUNCTION audit()",
    ),
    "mysql": (
        """CREATE TRIGGER audit BEFORE UPDATE ON outbox_delivery FOR EACH ROW IF NEW.status = 'sent' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'audit says no'; END IF""",
    ),
}
NO_AUDIT = {"postgresql": "DROP TRIGGER audit ON outbox_delivery"}


def audit(app: Application) -> Callable[[], None]:
    """Refuse every success from now on, until the returned function is called."""
    name = app.engine.dialect.name

    def end() -> None:
        with app.engine.begin() as connection:
            connection.execute(text(NO_AUDIT.get(name, "DROP TRIGGER audit")))

    with app.engine.begin() as connection:
        for statement in AUDIT[name]:
            connection.execute(text(statement))
    return end


def wait_refused(sink: LedgerSink, log: Callable[[], str]) -> int:
    """Wait until enough verdicts were refused; return how many mails have arrived when no more do."""
    wait_until(lambda: log().count("audit says no") >= REFUSALS, "verdicts were refused")
    return len(sink.wait_quiet())


def test_fault_19_a_database_that_refuses_successes_gets_no_more_until_it_takes_them(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "REFUSED_PAUSE", 0.5)
    with application(database_url) as app, LedgerSink() as sink:
        end = audit(app)
        app.enqueue(MAILS)
        with daemon_inside(database_url, sink.port, connections=2) as inside:
            seen = wait_refused(sink, lambda: caplog.text)
            assert seen < FEW
            assert app.counts()["pending"] > 0
            tries = caplog.text.count("trying")
            wait_until(lambda: caplog.text.count("trying") > tries + 2, "they were tried again")
            assert len(sink.entries()) == seen
            end()
            app.wait_sent(MAILS)
            inside.drain()
        assert app.counts() == {"sent": MAILS}
        assert app.committed() == Counter((entry.message_id, entry.recipient) for entry in sink.entries())
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


@pytest.mark.parametrize("code", [75, 0])
def test_fault_19_a_daemon_that_is_stopped_then_tries_once_more_and_says_what_it_leaves(
    sqlite_url: str, tmp_path: Path, code: int
) -> None:
    relents = code == 0
    with application(sqlite_url) as app, LedgerSink() as sink:
        end = audit(app)
        app.enqueue(MAILS)
        with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
            seen = wait_refused(sink, daemon.log)
            if relents:
                end()
            assert daemon.terminate() == code
        left = 0 if relents else seen
        assert app.counts() == Counter(sent=seen - left, sending=left, pending=MAILS - seen)
        assert app.scalar("SELECT state FROM outbox_session") == ("stopped" if relents else "stopping")
        assert (f"left with {seen} verdicts unwritten" in daemon.log()) is not relents
        assert len(sink.entries()) == seen
