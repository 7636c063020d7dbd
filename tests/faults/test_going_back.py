"""A database that went back in time does not make mail go twice that a journal knows as sent."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.dump import Dump, cut_others
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, scripted
from tests.support.waiting import wait_until
from tests.support.watched import Thinking

_UNANSWERED = (
    "SELECT count(*) FROM outbox_session, outbox_meta"
    " WHERE state = 'running' AND outbox_session.epoch < outbox_meta.epoch"
)
_STOPPING = "SELECT count(*) FROM outbox_session WHERE state = 'stopping'"


class Scene:
    """An application, a relay, and a daemon with a journal."""

    def __init__(self, app: Application, sink: LedgerSink, daemon: RunningDaemon, url: str) -> None:
        self.app = app
        self.sink = sink
        self.daemon = daemon
        self.url = url

    def send(self, count: int, tag: str) -> None:
        before = self.app.counts()["sent"]
        self.app.enqueue(count, tag=tag)
        self.app.wait_sent(before + count)

    def confirm(self) -> str:
        command = [sys.executable, "-m", "outbox", "db", "confirm-restore", "--yes"]
        command += ["--database-url", self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    @property
    def waits(self) -> bool:
        return bool(self.app.scalar("SELECT count(*) FROM outbox_meta WHERE restored_at IS NOT NULL"))


@contextmanager
def scene(url: str, folder: Path) -> Iterator[Scene]:
    state = folder / "state"
    state.mkdir()
    with application(url) as app, LedgerSink() as sink:
        daemon = RunningDaemon(url, folder, port=sink.port, state_dir=state)
        try:
            yield Scene(app, sink, daemon, url)
        finally:
            daemon.kill()


def test_fault_32_after_a_restore_nothing_goes_twice_and_nothing_goes_before_a_person_says_so(
    database_url: str, tmp_path: Path
) -> None:
    with scene(database_url, tmp_path) as here:
        here.app.enqueue(20, tag="old")
        dump = Dump(here.app.engine)
        here.daemon.start()
        here.app.wait_sent(20)
        assert here.daemon.terminate() == 0
        dump.restore()
        assert here.app.counts() == {"pending": 20}
        here.app.enqueue(1, tag="new")
        here.daemon.start()
        here.app.wait_sent(20)
        wait_until(lambda: "nobody has confirmed" in here.daemon.log(), "it waits for a person")
        assert "20 deliveries that had come back are recorded as sent" in here.daemon.log()
        assert here.waits
        assert (here.app.counts(), len(here.sink.entries())) == ({"sent": 20, "pending": 1}, 20)
        told = here.confirm()
        assert "nothing is sent since" in told
        assert "OK: mail goes." in told
        here.app.wait_sent(21)
        assert here.daemon.terminate() == 0
        assert len(here.sink.entries()) == 21
        assert here.confirm().startswith("Nothing waits for this")
        # Another start finds nothing new.
        with here.daemon:
            here.send(1, "newer")
            assert not here.waits
        assert len(here.sink.entries()) == 22


@pytest.mark.parametrize("url", ["postgresql_url", "mysql_url"])
def test_fault_31_a_failover_that_loses_the_last_commits_heals_by_itself(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with scene(request.getfixturevalue(url), tmp_path) as here:
        here.daemon.start()
        here.send(30, "kept")
        behind = Dump(here.app.engine)
        here.send(30, "lost")
        # The application's own commits had arrived, and what the daemon did with them had not.
        here.daemon.send(signal.SIGSTOP)
        lost = Dump(here.app.engine)
        lost.forget_work_since(behind)
        lost.restore()
        cut_others(here.app.engine)
        here.app._own.dispose()
        assert here.app.counts() == {"sent": 30, "pending": 30}
        here.daemon.send(signal.SIGCONT)
        here.app.wait_sent(60)
        here.send(5, "new")
        assert here.daemon.terminate() == 0
        assert len(here.sink.entries()) == 65
        assert not here.waits
        assert "30 deliveries that had come back are recorded as sent" in here.daemon.log()


@pytest.mark.parametrize("url", ["postgresql_url", "mysql_url"])
def test_fault_31_a_daemon_that_is_stopping_tells_what_a_failover_has_lost_before_it_ends(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    url = request.getfixturevalue(url)
    with application(url) as app, Thinking() as relay:
        relay.may_answer.set()
        with RunningDaemon(url, tmp_path, port=relay.port, state_dir=state) as daemon:
            app.wait_beats(daemon.pid, 1)
            behind = Dump(app.engine)
            app.enqueue(5, tag="lost")
            app.wait_sent(5)
            relay.may_answer.clear()
            relay.thinks.clear()
            app.enqueue(1)
            assert relay.thinks.wait(20)
            daemon.send(signal.SIGTERM)
            wait_until(lambda: app.scalar(_STOPPING) == 1, "it is stopping")
            daemon.send(signal.SIGSTOP)
            lost = Dump(app.engine)
            lost.forget_work_since(behind)
            lost.restore()
            cut_others(app.engine)
            app.reconnect()
            daemon.send(signal.SIGCONT)
            relay.may_answer.set()
            assert daemon.wait_end() == 0
        assert app.counts() == {"sent": 6}
    assert len(relay.mails) == 6


class Hesitant:
    """A relay that takes the envelope of one mail when the test says so, and then waits for its dot."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.goes_on = threading.Event()
        self.said = b""

    def __call__(self, peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        self.reached.set()
        assert self.goes_on.wait(60)
        peer.say("250 ok", "250 ok", "354 go")
        peer.hear_the_end()
        self.said = peer.unheard


@pytest.mark.parametrize("url", ["postgresql_url", "mysql_url"])
def test_fault_31_after_a_failover_that_loses_only_a_claim_its_mail_gets_no_dot(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    url, relay = request.getfixturevalue(url), Hesitant()
    with application(url) as app, scripted(relay) as server:
        with RunningDaemon(url, tmp_path, port=server.port, state_dir=state, lease_ttl=10) as daemon:
            # Its session is known, and has said that the journals are read.
            app.wait_beats(daemon.pid, 1)
            daemon.send(signal.SIGSTOP)
            app.enqueue(1)
            behind = Dump(app.engine)
            daemon.send(signal.SIGCONT)
            assert relay.reached.wait(20)
            daemon.send(signal.SIGSTOP)
            behind.restore()
            cut_others(app.engine)
            app._own.dispose()
            daemon.send(signal.SIGCONT)
            wait_until(lambda: "the journals of this host were read" in daemon.log(), "it has noticed")
            wait_until(lambda: app.scalar(_UNANSWERED) == 0, "all may send")
            app.wait_beats(daemon.pid, 1)
            relay.goes_on.set()
            assert daemon.terminate() == 0
        assert app.scalar("SELECT restored_at FROM outbox_meta") is None
        # Others may have it by now.
        assert app.counts() == {"pending": 1}
    assert b"\r\n.\r\n" not in relay.said


@pytest.mark.parametrize("url", ["postgresql_url", "mysql_url"])
def test_fault_32_a_restore_under_a_running_daemon_is_noticed(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with scene(request.getfixturevalue(url), tmp_path) as here:
        here.app.enqueue(20, tag="old")
        dump = Dump(here.app.engine)
        here.daemon.start()
        here.app.wait_sent(20)
        here.daemon.send(signal.SIGSTOP)
        dump.restore()
        cut_others(here.app.engine)
        here.app._own.dispose()
        here.daemon.send(signal.SIGCONT)
        wait_until(lambda: here.waits, "it has noticed")
        here.app.wait_sent(20)
        here.confirm()
        here.send(1, "new")
        assert here.daemon.terminate() == 0
        assert len(here.sink.entries()) == 21


def test_fault_32_a_daemon_without_a_journal_cannot_know(sqlite_url: str, tmp_path: Path) -> None:
    with application(sqlite_url) as app, LedgerSink() as sink:
        app.enqueue(3)
        dump = Dump(app.engine)
        for times in (1, 2):
            with RunningDaemon(sqlite_url, tmp_path, port=sink.port) as daemon:
                app.wait_sent(3)
                assert daemon.terminate() == 0
            assert len(sink.entries()) == 3 * times
            dump.restore()


@pytest.mark.parametrize("url", ["postgresql_url", "mysql_url"])
def test_fault_32_a_dump_that_is_restored_a_second_time_is_noticed_by_the_epoch(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with scene(request.getfixturevalue(url), tmp_path) as here:
        here.daemon.start()
        here.send(5, "kept")
        here.app.enqueue(20, tag="old")
        here.daemon.send(signal.SIGSTOP)
        dump = Dump(here.app.engine)
        here.daemon.send(signal.SIGCONT)
        here.app.wait_sent(25)
        # Its journal writes down what is known with the next step.
        here.send(5, "newer")
        here.daemon.send(signal.SIGSTOP)
        dump.restore()
        cut_others(here.app.engine)
        here.app._own.dispose()
        here.daemon.send(signal.SIGCONT)
        here.app.wait_sent(25)
        # All that it remembers from now on is mail that the dump does not know.
        here.send(5, "gone")
        assert here.daemon.terminate() == 0
        dump.restore()
        here.daemon.start()
        wait_until(lambda: here.waits or here.app.counts()["sent"] >= 25, "it has noticed, or sent")
        if here.waits:
            here.confirm()
        here.app.wait_sent(25)
        assert here.daemon.terminate() == 0
        assert len(here.sink.entries()) == 35
