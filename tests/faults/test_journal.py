"""A daemon that was killed, and is started again on its host, knows by its journal what became of mail."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.lab.crashing import POISON
from tests.support.daemon import RunningDaemon
from tests.support.journaled import journaled, taking
from tests.support.scripted import Peer
from tests.support.sitting import Silent, Sitting
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("on_doubt", "status", "reason", "verdict"),
    [
        ("resend", "pending", None, "doubt_resend"),
        ("hold", "in_doubt", None, "doubt_hold"),
        ("assume_sent", "sent", "assumed", "doubt_assume"),
    ],
)
def test_a_dot_without_an_answer_is_in_doubt_at_once(
    sqlite_url: str,
    tmp_path: Path,
    on_doubt: str,
    status: str,
    reason: str | None,
    verdict: str,
) -> None:
    silent = Silent()
    with journaled(sqlite_url, tmp_path, silent) as here:
        here.reach_the_dot(silent, on_doubt=on_doubt)
        here.restart()
        row = here.row()
        assert (status, reason, 1, 0) == (row["status"], row["reason"], row["doubts"], row["rescues"])
        assert here.attempts() == [(verdict, False)]
        assert "1 are in doubt" in here.daemon.log()
        assert here.app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'lost'") == 1


def test_a_dot_without_an_answer_is_sent_again_after_the_pause_and_known(
    sqlite_url: str, tmp_path: Path
) -> None:
    silent = Silent()
    with journaled(sqlite_url, tmp_path, silent, taking, doubt_pause=0.1) as here:
        here.reach_the_dot(silent)
        here.restart()
        here.app.wait_sent(1)
        assert here.daemon.terminate() == 0
        assert here.row()["queue_id"] == "2ND"
        assert [each.suffix for each in here.journal.iterdir()] == [".done", ".done"]


@pytest.mark.parametrize("answer", ["250 2.0.0 Ok: queued as 4X", "550 5.7.1 no", "451 4.3.0 later"])
def test_an_answer_that_could_not_be_recorded_is_recorded_by_the_next_run(
    sqlite_url: str, tmp_path: Path, answer: str
) -> None:
    sitting = Sitting(Peer.hear_the_end)
    with journaled(sqlite_url, tmp_path, sitting) as here:
        here.reach_the_dot(sitting)
        with here.app.engine.begin() as connection:
            connection.execute(text("UPDATE outbox_meta SET id = 1"))
            sitting.answer(answer)
            wait_until(lambda: here.written("R") == 1, "the answer is in the journal")
            here.daemon.kill()
        assert here.row()["status"] == "sending"
        here.daemon.start()
        row = here.row()
        expected = {"2": ("sent", 250, "2.0.0", "4X"), "5": ("failed", 550, "5.7.1", None)}
        assert expected.get(answer[0], ("pending", 451, "4.3.0", None)) == (
            *(row[name] for name in ("status", "reply_code", "enhanced_code", "queue_id")),
        )
        assert (row["attempts"], row["doubts"], row["rescues"]) == (1, 0, 0)
        assert len(here.attempts()) == 1


def test_what_was_claimed_and_had_not_begun_goes_at_once_and_nothing_is_counted(
    database_url: str, tmp_path: Path
) -> None:
    connected, greeted = threading.Event(), threading.Event()

    def mute(peer: Peer) -> None:
        connected.set()
        peer.hear_the_end()

    def killed_in_the_envelope(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        greeted.set()
        peer.hear_the_end()

    def taking_all(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()

    scripts = (mute, killed_in_the_envelope, taking_all)
    with journaled(database_url, tmp_path, *scripts) as here:
        here.app.enqueue(2)
        here.daemon.start()
        # A relay that never greets keeps what is claimed for it; no sender takes any of it in hand.
        assert connected.wait(20)
        wait_until(lambda: here.app.counts()["sending"] == 2, "all is claimed")
        here.restart()
        assert greeted.wait(20)
        wait_until(lambda: here.written("B") == 1, "one is in hand")
        here.restart()
        here.app.wait_sent(2)
        assert here.daemon.terminate() == 0
        assert here.app.scalar("SELECT max(rescues) FROM outbox_delivery") == 0
        assert here.app.scalar("SELECT max(doubts) FROM outbox_delivery") == 0
        # Only the one in hand is suspect, and goes alone.
        assert here.attempts() == [("rescue_unbegun", False)]
        assert here.app.scalar("SELECT count(*) FROM outbox_delivery WHERE lane = 2") == 1


def test_fault_78_what_kills_a_daemon_in_hand_goes_alone_and_takes_no_other_mail_along(
    sqlite_url: str, tmp_path: Path
) -> None:
    def greeting(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_the_end()

    with journaled(sqlite_url, tmp_path, greeting, connections=4) as here:
        here.daemon.program = ("tests.lab.crashing", "in-hand")  # type: ignore[misc] # this one only
        here.app.enqueue(1, body=POISON)
        here.app.enqueue(5, tag="innocent")
        here.daemon.launch()
        wait_until(lambda: not here.daemon.is_running(), "the daemon dies of it")
        here.daemon.program = RunningDaemon.program  # type: ignore[misc] # as above
        here.daemon.start()
        assert "1 were in hand without their dots, and 5 had not begun" in here.daemon.log()
        assert here.app.scalar("SELECT recipient FROM outbox_delivery WHERE lane = 2") == "mail0@example.org"
        assert here.app.scalar("SELECT count(*) FROM outbox_attempt") == 1
