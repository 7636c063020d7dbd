"""The daemon inside an application's process: it sends, stops in order, and says what keeps it from work."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox.embedded import Daemon
from outbox.errors import (
    EnvironmentMismatchError,
    SchemaError,
    SettingsError,
    StateDirectoryError,
    UnsupportedDatabaseError,
)
from outbox.store.permission import name_environment
from tests.support.aiosmtpd_server import AiosmtpdServer
from tests.support.daemon import Application, application
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def shop(database_url: str) -> Iterator[Application]:
    with application(database_url) as shop:
        yield shop


@pytest.fixture
def server() -> Iterator[AiosmtpdServer]:
    with AiosmtpdServer() as server:
        yield server


def daemon(url: str, server: AiosmtpdServer, **settings: object) -> Daemon:
    return Daemon(
        database_url=url,
        smtp_host=server.host,
        smtp_port=server.port,
        smtp_tls="none",
        poll_interval=0.1,
        **settings,
    )


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the threads of other tests' databases, which stay open for the whole run."""
    monkeypatch.setattr(f"{__name__}._OTHERS", frozenset(threading.enumerate()))


_OTHERS: frozenset[threading.Thread] = frozenset()


def ours() -> list[str]:
    mine = set(threading.enumerate()) - _OTHERS
    return [thread.name for thread in mine if thread.name.startswith("outbox")]


def test_it_sends_what_is_committed_while_it_runs_and_leaves_nothing_behind(
    shop: Application, server: AiosmtpdServer, database_url: str
) -> None:
    sending = daemon(database_url, server)
    shop.enqueue(2, tag="before")
    assert not sending.is_running
    sending.start()
    sending.start()
    assert sending.is_running
    assert ours().count("outbox") == 1
    shop.enqueue(2, tag="after")
    shop.wait_sent(4)
    assert sending.stop()
    assert not sending.is_running
    assert len(server.mails) == 4
    assert shop.scalar("SELECT count(*) FROM outbox_session WHERE state <> 'stopped'") == 0
    wait_until(lambda: ours() == [], "its threads have ended")
    assert sending.stop()


def test_it_can_be_started_again_and_used_in_a_with_block(
    shop: Application, server: AiosmtpdServer, database_url: str
) -> None:
    sending = daemon(database_url, server)
    for n in (1, 2):
        with sending:
            shop.enqueue(1, tag=f"round {n}".replace(" ", ""))
            shop.wait_sent(n)
    assert shop.scalar("SELECT count(*) FROM outbox_session") == 2


def test_it_keeps_a_journal_where_it_is_told_to_and_not_where_systemd_tells_the_application(
    sqlite_url: str, server: AiosmtpdServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "application"))
    (tmp_path / "application").mkdir()
    with application(sqlite_url):
        with daemon(sqlite_url, server), daemon(sqlite_url, server):
            pass
        assert not list((tmp_path / "application").iterdir())
        one, other = (daemon(sqlite_url, server, state_dir=tmp_path) for _ in range(2))
        for _ in range(2):
            with one, pytest.raises(StateDirectoryError):
                other.start()
        assert len(list((tmp_path / "journal").iterdir())) == 2


def test_what_keeps_it_from_its_work_is_raised_where_it_is_started(
    sqlite_url: str, server: AiosmtpdServer
) -> None:
    with pytest.raises(SettingsError, match="poll_interval"):
        Daemon(poll_interval=-1).start()
    asynchronous = sqlite_url.replace("sqlite:", "sqlite+aiosqlite:")
    with pytest.raises(UnsupportedDatabaseError, match="Name the same database as sqlite://"):
        daemon(asynchronous, server).start()
    missing = daemon(sqlite_url, server)
    with pytest.raises(SchemaError, match="outbox db upgrade"):
        missing.start()
    assert not missing.is_running
    wait_until(lambda: ours() == [], "its threads have ended")


def test_a_fault_at_the_start_is_raised_and_not_logged_as_well(
    shop: Application, server: AiosmtpdServer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with shop.engine.begin() as connection:
        name_environment(connection, "production")
    with pytest.raises(EnvironmentMismatchError, match="production"):
        daemon(database_url, server).start()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert shop.scalar("SELECT count(*) FROM outbox_session") == 0


def test_a_stop_before_it_has_begun_is_kept(
    sqlite_url: str, server: AiosmtpdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    met, go_on = threading.Event(), threading.Event()

    def meet(*_: object) -> None:
        met.set()
        go_on.wait()

    monkeypatch.setattr("outbox.embedded.meet", meet)
    with application(sqlite_url):
        sending = daemon(sqlite_url, server)
        starting = threading.Thread(target=sending.start)
        starting.start()
        assert met.wait(30)
        assert not sending.stop(timeout=0.01)
        go_on.set()
        starting.join()
        wait_until(lambda: not sending.is_running, "the daemon has ended")
        assert sending.stop()


def test_a_process_that_forgets_to_stop_it_ends_all_the_same(sqlite_url: str, server: AiosmtpdServer) -> None:
    start = (
        "from outbox.embedded import Daemon\n"
        f"Daemon(database_url={sqlite_url!r}, smtp_host={server.host!r}, smtp_port={server.port}).start()"
    )
    with application(sqlite_url):
        ended = subprocess.run([sys.executable, "-c", start], timeout=60, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_what_ends_it_later_is_logged_and_raised_where_it_is_stopped(
    sqlite_url: str, server: AiosmtpdServer, caplog: pytest.LogCaptureFixture
) -> None:
    with application(sqlite_url) as shop:
        sending = daemon(sqlite_url, server)
        sending.start()
        with caplog.at_level(logging.ERROR, "outbox"):
            with shop.engine.begin() as connection:
                name_environment(connection, "production")
            wait_until(lambda: not sending.is_running, "the daemon has ended")
        assert [record.outbox["event"] for record in caplog.records] == ["daemon_failed"]  # type: ignore[attr-defined] # ours
        with pytest.raises(EnvironmentMismatchError, match="production"):
            sending.stop()
    wait_until(lambda: ours() == [], "its threads have ended")


def test_a_daemon_that_is_started_while_it_stops_finishes_first_and_then_runs_anew(sqlite_url: str) -> None:
    taken, answer = threading.Event(), threading.Event()

    class Slow(AiosmtpdServer):
        async def handle_DATA(self, *_: object) -> str:  # noqa: N802 -- aiosmtpd's name
            taken.set()
            await asyncio.to_thread(answer.wait)
            return "250 taken"

    with Slow() as server, application(sqlite_url) as shop:
        sending = daemon(sqlite_url, server)
        sending.start()
        shop.enqueue(1)
        assert taken.wait(30)
        assert not sending.stop(timeout=0.01)
        again = threading.Thread(target=sending.start)
        again.start()
        answer.set()
        again.join()
        assert sending.is_running
        shop.enqueue(1, tag="second")
        shop.wait_sent(2)
        assert sending.stop()
        assert shop.scalar("SELECT count(*) FROM outbox_session WHERE state = 'stopped'") == 2


def test_a_stop_that_takes_too_long_says_so_and_a_second_one_leaves_at_once(sqlite_url: str) -> None:
    """The server takes the mail and never answers the dot."""
    silent = threading.Event()

    class Silent(AiosmtpdServer):
        async def handle_DATA(self, *_: object) -> str:  # noqa: N802 -- aiosmtpd's name
            silent.set()
            await asyncio.sleep(3600)
            return "250 too late"

    with Silent() as server, application(sqlite_url) as shop:
        sending = daemon(sqlite_url, server)
        sending.start()
        shop.enqueue(1)
        assert silent.wait(30)
        assert not sending.stop(timeout=0.01)
        assert sending.is_running
        assert sending.stop()
        assert shop.counts().total() == shop.counts()["sending"] + shop.counts()["pending"] == 1
