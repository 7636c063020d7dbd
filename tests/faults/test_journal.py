"""A daemon that was killed, and is started again on its host, knows by its journal what became of mail."""

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from outbox.errors import EX_TEMPFAIL
from tests.lab.crashing import POISON
from tests.support.daemon import Application, RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, Script, scripted
from tests.support.small_disk import small_disk
from tests.support.waiting import wait_until

TTL = 600
"""Seconds; a test that had to wait for the lease would fail."""


def taking(peer: Peer) -> None:
    """Take one mail, on a connection of its own."""
    peer.greet("PIPELINING")
    peer.take_mail("250 2.0.0 Ok: queued as 2ND")
    peer.take_quit()


class Scene:
    """A daemon with a journal, before an application's queue; what it is killed in says the test."""

    def __init__(self, app: Application, daemon: RunningDaemon, state: Path) -> None:
        self.app = app
        self.daemon = daemon
        self.journal = state / "journal"

    def written(self, letter: str) -> int:
        """Count the lines of this kind in all journals, whether or not the daemon still writes."""
        lines = [line for file in self.journal.iterdir() for line in file.read_text("latin-1").splitlines()]
        return sum(line.startswith(f"{letter} ") for line in lines)

    def restart(self) -> None:
        self.daemon.kill()
        self.daemon.start()

    def row(self) -> dict[str, Any]:
        """Return all that is known of the only delivery."""
        with self.app.engine.connect() as connection:
            return dict(connection.execute(text("SELECT * FROM outbox_delivery")).mappings().one())

    def attempts(self) -> list[tuple[str, bool]]:
        with self.app.engine.connect() as connection:
            rows = connection.execute(text("SELECT verdict, late FROM outbox_attempt ORDER BY id"))
            return [(row.verdict, bool(row.late)) for row in rows]


@contextmanager
def scene(url: str, folder: Path, *scripts: Script, **settings: object) -> Iterator[Scene]:
    state = folder / "state"
    state.mkdir()
    given = {"connections": 1, "lease_ttl": TTL, "state_dir": state} | settings
    with scripted(*scripts) as relay, application(url) as app:
        daemon = RunningDaemon(url, folder, port=relay.port, **given)
        try:
            yield Scene(app, daemon, state)
        finally:
            daemon.kill()


def enqueue(app: Application, **options: Any) -> None:
    with app.engine.begin() as connection:
        app.outbox.enqueue(connection, to="ann@example.org", subject="Hi", text="Hello.", **options)


@pytest.fixture
def at_the_dot() -> tuple[Script, threading.Event]:
    """Give a relay that takes a mail to its dot and never answers, and the event that it has."""
    dotted = threading.Event()

    def silent(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        dotted.set()
        peer.hear_the_end()

    return silent, dotted


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
    at_the_dot: tuple[Script, threading.Event],
    on_doubt: str,
    status: str,
    reason: str | None,
    verdict: str,
) -> None:
    silent, dotted = at_the_dot
    with scene(sqlite_url, tmp_path, silent) as here:
        enqueue(here.app, on_doubt=on_doubt)
        here.daemon.start()
        assert dotted.wait(20)
        here.restart()
        row = here.row()
        assert (status, reason, 1, 0) == (row["status"], row["reason"], row["doubts"], row["rescues"])
        assert here.attempts() == [(verdict, False)]
        assert "1 are in doubt" in here.daemon.log()
        assert here.app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'lost'") == 1


def test_a_dot_without_an_answer_is_sent_again_after_the_pause_and_known(
    sqlite_url: str, tmp_path: Path, at_the_dot: tuple[Script, threading.Event]
) -> None:
    silent, dotted = at_the_dot
    with scene(sqlite_url, tmp_path, silent, taking, doubt_pause=0.1) as here:
        enqueue(here.app)
        here.daemon.start()
        assert dotted.wait(20)
        here.restart()
        here.app.wait_sent(1)
        assert here.daemon.terminate() == 0
        assert here.row()["queue_id"] == "2ND"
        assert [each.suffix for each in here.journal.iterdir()] == [".done", ".done"]


@pytest.mark.parametrize("answer", ["250 2.0.0 Ok: queued as 4X", "550 5.7.1 no", "451 4.3.0 later"])
def test_an_answer_that_could_not_be_recorded_is_recorded_by_the_next_run(
    sqlite_url: str, tmp_path: Path, answer: str
) -> None:
    dotted, locked = threading.Event(), threading.Event()

    def answering(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        dotted.set()
        assert locked.wait(20)
        peer.say(answer)
        peer.hear_the_end()

    with scene(sqlite_url, tmp_path, answering) as here:
        enqueue(here.app)
        here.daemon.start()
        assert dotted.wait(20)
        with here.app.engine.begin() as connection:
            connection.execute(text("UPDATE outbox_meta SET id = 1"))
            locked.set()
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
    with scene(database_url, tmp_path, *scripts) as here:
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

    with scene(sqlite_url, tmp_path, greeting, connections=4) as here:
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


def test_fault_92_a_second_daemon_in_the_same_directory_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with scene(sqlite_url, tmp_path) as here, scripted() as relay:
        here.daemon.start()
        second = RunningDaemon(sqlite_url, tmp_path, port=relay.port, state_dir=here.journal.parent)
        second.launch()
        assert second.wait_end() == EX_TEMPFAIL
        assert "another daemon works in" in second.log()
        assert "OUTBOX_STATE_DIR" in second.log()
        assert here.daemon.terminate() == 0
        with second:
            assert second.is_running()


def test_a_journal_of_another_database_is_left_alone_and_told(
    sqlite_url: str, tmp_path: Path, at_the_dot: tuple[Script, threading.Event]
) -> None:
    silent, dotted = at_the_dot
    with scene(sqlite_url, tmp_path, silent) as here:
        enqueue(here.app)
        here.daemon.start()
        assert dotted.wait(20)
        here.daemon.kill()
        other = tmp_path / "other"
        other.mkdir()
        other_url = f"sqlite:///{other / 'outbox.sqlite3'}"
        with (
            application(other_url) as elsewhere,
            scripted() as relay,
            RunningDaemon(other_url, other, port=relay.port, state_dir=here.journal.parent) as stranger,
        ):
            assert "00000001.journal is not read: it is of another database" in stranger.log()
            assert elsewhere.scalar("SELECT count(*) FROM outbox_attempt") == 0
        assert here.row()["status"] == "sending"
        # Its own daemon still finds it.
        here.daemon.start()
        assert here.row()["doubts"] == 1


def test_fault_91_a_torn_tail_is_skipped_and_told(
    sqlite_url: str, tmp_path: Path, at_the_dot: tuple[Script, threading.Event]
) -> None:
    torn = b"R nonsense\n\x00\xff\xfe D 0198"
    silent, dotted = at_the_dot
    with scene(sqlite_url, tmp_path, silent) as here:
        enqueue(here.app)
        here.daemon.start()
        assert dotted.wait(20)
        here.daemon.kill()
        with (here.journal / "00000001.journal").open("ab") as file:
            file.write(torn)
        here.daemon.start()
        assert here.row()["doubts"] == 1
        assert f"00000001.journal: {len(torn)} bytes are no whole line" in here.daemon.log()


def test_fault_91_on_a_full_disk_mail_goes_on_and_what_the_journal_lacks_is_rescued(
    postgresql_url: str, tmp_path: Path, at_the_dot: tuple[Script, threading.Event]
) -> None:
    silent, dotted = at_the_dot

    def taking_some(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for _ in range(5):
            peer.take_mail()
        peer.close()

    with scene(postgresql_url, tmp_path, taking_some, silent) as here:
        here.daemon.start()
        # As if the disk was full: the next line is cut in its middle.
        room = (here.journal / "00000001.journal").stat().st_size + 20
        resource.prlimit(here.daemon.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        here.app.enqueue(6)
        here.app.wait_sent(5)
        assert dotted.wait(20)
        # Its log is no longer than that either; the journal itself tells.
        assert b" holed " in (here.journal / "00000001.journal").read_bytes()
        here.restart()
        assert "bytes are no whole line" in here.daemon.log()
        # Its dot went out, and nothing says so: it is as if there had been no journal.
        assert here.attempts() == [("rescue_resend", False)]
        assert here.app.counts()["sent"] == 5


@pytest.fixture
def small_place(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 64 kB, mounted where a daemon keeps its state."""
    with small_disk(tmp_path / "small", 64, forbidden=pytest.skip) as disk:
        yield disk.place


def test_fault_91_on_a_disk_that_is_really_full_mail_goes_on_loudly(
    sqlite_url: str, tmp_path: Path, small_place: Path
) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        daemon = RunningDaemon(sqlite_url, tmp_path, port=sink.port, state_dir=small_place)
        with daemon:
            app.enqueue(500)
            app.wait_sent(500)
            assert "No space left on device" in daemon.log()
            assert "mail goes on without it" in daemon.log()
            assert daemon.terminate() == 0
        assert len(sink.entries()) == 500


def test_fault_91_a_directory_that_is_not_there_is_told_and_mail_goes_on(
    sqlite_url: str, tmp_path: Path
) -> None:
    with scene(sqlite_url, tmp_path, taking, state_dir=tmp_path / "missing") as here:
        enqueue(here.app)
        here.daemon.start()
        here.app.wait_sent(1)
        assert here.daemon.terminate() == 0
        assert f"the journal in {tmp_path / 'missing' / 'journal'} cannot be used" in here.daemon.log()


def test_without_a_directory_there_is_no_journal_and_the_log_says_so(sqlite_url: str, tmp_path: Path) -> None:
    with scripted() as relay, application(sqlite_url):
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port) as daemon:
            assert daemon.terminate() == 0
        assert "no journal" in daemon.log()
