"""A journal that is torn, full, missing or somebody else's is told of, and keeps no mail from going."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox.errors import EX_TEMPFAIL
from tests.support.daemon import RunningDaemon, application
from tests.support.journaled import enqueue, journaled, taking
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, scripted
from tests.support.sitting import Silent
from tests.support.small_disk import small_disk


def test_fault_92_a_second_daemon_in_the_same_directory_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with journaled(sqlite_url, tmp_path) as here, scripted() as relay:
        here.daemon.start()
        second = RunningDaemon(sqlite_url, tmp_path, port=relay.port, state_dir=here.journal.parent)
        second.launch()
        assert second.wait_end() == EX_TEMPFAIL
        assert "another daemon works in" in second.log()
        assert "OUTBOX_STATE_DIR" in second.log()
        assert here.daemon.terminate() == 0
        with second:
            assert second.is_running()


def test_a_journal_of_another_database_is_left_alone_and_told(sqlite_url: str, tmp_path: Path) -> None:
    silent = Silent()
    with journaled(sqlite_url, tmp_path, silent) as here:
        here.reach_the_dot(silent)
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


def test_fault_91_a_torn_tail_is_skipped_and_told(sqlite_url: str, tmp_path: Path) -> None:
    torn = b"R nonsense\n\x00\xff\xfe D 0198"
    silent = Silent()
    with journaled(sqlite_url, tmp_path, silent) as here:
        here.reach_the_dot(silent)
        here.daemon.kill()
        with (here.journal / "00000001.journal").open("ab") as file:
            file.write(torn)
        here.daemon.start()
        assert here.row()["doubts"] == 1
        assert f"00000001.journal: {len(torn)} bytes are no whole line" in here.daemon.log()


def test_fault_91_on_a_full_disk_mail_goes_on_and_what_the_journal_lacks_is_rescued(
    postgresql_url: str, tmp_path: Path
) -> None:
    silent = Silent()

    def taking_some(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for _ in range(5):
            peer.take_mail()
        peer.close()

    with journaled(postgresql_url, tmp_path, taking_some, silent) as here:
        here.daemon.start()
        # As if the disk was full: the next line is cut in its middle.
        room = (here.journal / "00000001.journal").stat().st_size + 20
        resource.prlimit(here.daemon.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        here.app.enqueue(6)
        here.app.wait_sent(5)
        silent.wait_dot()
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
    with small_disk(tmp_path / "small", 64) as disk:
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
    with journaled(sqlite_url, tmp_path, taking, state_dir=tmp_path / "missing") as here:
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
