"""Whatever part of a daemon dies, that is survived and told, or ends the daemon: it never goes on as a shell.

That a part is stuck, and does not die, is the watchdog's to notice.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from outbox.store.gates import Gates
from outbox.store.queue import Queue
from outbox.store.sessions import Sessions
from outbox.worker.allowance import Allowance
from outbox.worker.desk import Desk
from outbox.worker.duties import Every
from outbox.worker.memory import Memory
from outbox.worker.recorder import Recorder
from outbox.worker.sender import Sender
from tests.support.daemon import Application, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until


class BrokenError(Exception):
    """What no part of the daemon expects."""


def breaks(*_: Any, **__: Any) -> Any:
    raise BrokenError("no part expects this")


async def ends(*_: Any) -> None:
    """End, without a reason."""


PARTS: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "the recorder": (Recorder, "_take_note", breaks),
    "the heartbeat": (Sessions, "beat", breaks),
    "a sender": (Sender, "_wait", breaks),
    "what a desk learns": (Gates, "learnt", breaks),
    "a desk's look for work": (Desk, "look", breaks),
    "the planner of duties": (Every, "get_next_fire_time", breaks),
}
"""Each part, and what is broken in it."""

TASKS = {"the recorder": Recorder, "a sender": Sender, "a desk's memory": Memory, "its allowance": Allowance}


@pytest.fixture
def app(sqlite_url: str) -> Iterator[Application]:
    with application(sqlite_url) as app:
        yield app


def failing(times: int, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return what breaks so many times, and is `method` then."""
    left = iter(range(times))

    def sometimes(*arguments: Any, **more: Any) -> Any:
        if next(left, None) is not None:
            breaks()
        return method(*arguments, **more)

    return sometimes


@pytest.mark.parametrize("part", [*PARTS])
def test_fault_79_a_daemon_ends_by_the_death_of_a_part(
    part: str, app: Application, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, broken = PARTS[part]
    app.enqueue(1)
    with LedgerSink() as sink, daemon_inside(sqlite_url, sink.port, lease_ttl=2) as inside:
        app.wait_sent(1)
        monkeypatch.setattr(owner, name, broken)
        app.enqueue(1, tag="later")
        inside.join()
        with pytest.raises((BrokenError, RuntimeError), match=r"no part expects this|has ended without"):
            inside.drain()
    assert app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'running'") == 0


@pytest.mark.parametrize("part", [*TASKS])
@pytest.mark.usefixtures("app")
def test_fault_79_a_part_that_ends_without_a_reason_ends_the_daemon(
    part: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TASKS[part], "run", ends)
    with LedgerSink() as sink, daemon_inside(sqlite_url, sink.port) as inside:
        inside.join()
        with pytest.raises(RuntimeError, match="a part of the daemon has ended without a reason"):
            inside.drain()


def test_fault_79_a_mail_that_cannot_be_handled_ends_no_sender(
    app: Application, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Sender, "_next_mail", failing(2, Sender._next_mail))
    app.enqueue(1)
    with LedgerSink() as sink, daemon_inside(sqlite_url, sink.port) as inside:
        app.wait_sent(1)
        inside.drain()
    assert caplog.text.count("a mail could not be handled: no part expects this") == 2


@pytest.mark.usefixtures("app")
def test_fault_79_a_duty_that_fails_is_told_and_runs_again(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rescued: list[int] = []
    rescue = failing(2, Queue.rescue)

    def noting(self: Queue, *arguments: Any, **more: Any) -> int:
        rescued.append(rescue(self, *arguments, **more))
        return rescued[-1]

    monkeypatch.setattr(Queue, "rescue", noting)
    with LedgerSink() as sink, daemon_inside(sqlite_url, sink.port, lease_ttl=2) as inside:
        wait_until(lambda: len(rescued) > 1, "the duty runs again")
        inside.drain()
    told = [each for each in caplog.records if each.name.startswith("apscheduler") and each.exc_info]
    assert len(told) == 2
    assert {each.levelno for each in told} == {logging.ERROR}
