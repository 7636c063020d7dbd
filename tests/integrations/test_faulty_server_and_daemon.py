"""The daemon sends through the faulty server, as somebody tests the retries and settings of a deployment."""

from pathlib import Path

from outbox.testing import FaultyServer, cut, taken
from tests.support.daemon import RunningDaemon, application

SOON = {"retry_base": 0.05, "retry_cap": 0.05, "connections": 1}


def test_each_recipient_ends_as_its_relay_says(sqlite_url: str, tmp_path: Path) -> None:
    faults = {
        "mail0@example.org": ["450 4.7.1 greylisted", "450 4.7.1 greylisted", None],
        "mail1@example.org": "550 5.1.1 no such user",
    }
    with FaultyServer(rcpt=faults) as relay, application(sqlite_url) as app:
        app.enqueue(3)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, **SOON):
            relay.wait_until(lambda: len(relay.mails) == 2)
            app.wait_sent(2)
        assert app.counts() == {"sent": 2, "failed": 1}
        tried = [to for each in relay.attempts for to in (*each.recipients, *each.refused)]
    assert {to: tried.count(to) for to in set(tried)} == {
        "mail0@example.org": 3,
        "mail1@example.org": 1,
        "mail2@example.org": 1,
    }


def test_a_relay_that_is_down_or_throttles_costs_no_attempt(sqlite_url: str, tmp_path: Path) -> None:
    with (
        FaultyServer(greeting=["421 4.3.2 restarting", cut, None], most_mails=2) as relay,
        application(sqlite_url) as app,
    ):
        app.enqueue(4)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, **SOON):
            app.wait_sent(4)
        assert app.scalar("SELECT sum(attempts) FROM outbox_delivery") == 4
    assert relay.connections >= 4
    assert len(relay.mails) == 4


def test_a_mail_that_was_taken_without_an_answer_is_in_doubt(sqlite_url: str, tmp_path: Path) -> None:
    with FaultyServer(end_of_data=taken(cut)) as relay, application(sqlite_url) as app:
        app.enqueue(1)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, **SOON) as daemon:
            relay.wait_until(lambda: len(relay.mails) == 1)
            assert daemon.terminate() == 0
        doubts = "SELECT stage, bytes_written FROM outbox_attempt WHERE verdict LIKE '%doubt%'"
        with app.engine.connect() as connection:
            [(stage, written)] = connection.exec_driver_sql(doubts).all()
    assert stage.startswith("end of data -- ")
    assert written >= len(relay.mails[0].content)
