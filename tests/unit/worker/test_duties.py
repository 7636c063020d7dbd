"""The duties run at their pace whatever the host's clock says, and one that hangs stops no other."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from types import SimpleNamespace
from typing import Any

import pytest

from outbox.worker.duties import EXPIRE_EVERY, HANGS, KEEP_HOUSE_EVERY, PRUNE_EVERY, Duties, Every
from outbox.worker.lease import BEAT, boot_clock
from outbox.worker.report import COUNT_EVERY

DUTIES = ("rescue", "expire", "erase", "delete", "prune")
PATIENCE = 10.0
"""Seconds after which a test believes that something never comes."""

TTL = 600.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class House:
    """Housekeeping of which each duty says that it has begun, and waits until it may end."""

    def __init__(self) -> None:
        self.begun = {name: threading.Event() for name in DUTIES}
        self.let_go = threading.Event()
        self.stopped = False

    def duty(self, name: str) -> None:
        self.begun[name].set()
        self.let_go.wait(PATIENCE)

    def stop(self) -> None:
        self.stopped = True
        self.let_go.set()

    erase = partialmethod(duty, "erase")
    delete = partialmethod(duty, "delete")
    prune = partialmethod(duty, "prune")


class Queue:
    """A queue in which nothing is to be done, where each duty waits as those of the house do."""

    def __init__(self, house: House) -> None:
        self._house = house

    def rescue(self, pause: float) -> int:
        self._house.duty("rescue")
        return int(pause * 0)

    def expire(self) -> int:
        self._house.duty("expire")
        return 0


@pytest.fixture
def house() -> House:
    """Give the housekeeping of the duties."""
    return House()


@pytest.fixture
def duties(house: House) -> Iterator[Duties]:
    """Give duties that are never due while a test runs, unless it says so."""
    nobody: Any = None
    queue: Any = Queue(house)
    housekeeping: Any = house
    heartbeat: Any = SimpleNamespace(is_unbroken=lambda: False)
    made = Duties(queue, nobody, heartbeat, TTL, lambda: None, housekeeping)
    made.start()
    yield made
    if made._scheduler.running:
        made.stop()


def planned(duties: Duties) -> dict[str, float]:
    """Return in how many seconds each duty is due."""
    now = datetime.now(UTC)
    return {job.id: (job.next_run_time - now).total_seconds() for job in duties._scheduler.get_jobs()}


def put_off(duties: Duties) -> None:
    """Leave the plan as it is after the clock was set back by an hour."""
    for job in duties._scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))


@pytest.mark.parametrize("before", [None, NOW, FIRST, NOW + timedelta(days=1)])
def test_fault_8_a_duty_is_due_from_now_however_long_ago_it_ran(before: datetime | None) -> None:
    assert Every(10.0).get_next_fire_time(before, NOW) == NOW + timedelta(seconds=10)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_fault_8_where_the_clock_was_set_the_duties_are_planned_anew(
    duties: Duties, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    house = dict.fromkeys(("erase", "delete"), KEEP_HOUSE_EVERY)
    pauses = {"rescue": TTL * BEAT, "expire": EXPIRE_EVERY, **house, "prune": PRUNE_EVERY}
    expected = {name: pytest.approx(pause, abs=5) for name, pause in pauses.items()}
    assert expected == planned(duties)
    put_off(duties)
    told = time.time
    monkeypatch.setattr("outbox.worker.duties.time.time", lambda: told() + step)
    duties.mind_the_clock()
    assert expected == planned(duties)
    put_off(duties)
    duties.mind_the_clock()
    assert min(planned(duties).values()) > TTL, "the clock was set once"


def test_only_where_somebody_wants_to_know_what_is_queued_it_is_counted_at_once_and_again(
    duties: Duties, house: House
) -> None:
    counted = threading.Event()
    nobody: Any = None
    housekeeping: Any = house
    asked = Duties(nobody, nobody, nobody, TTL, lambda: None, housekeeping, counted.set)
    asked.start()
    try:
        assert counted.wait(10)
        assert planned(asked)["count"] == pytest.approx(COUNT_EVERY, abs=5)
        assert "count" not in planned(duties)
    finally:
        asked.stop()


def due_now(duties: Duties, *names: str) -> None:
    """Let these duties be due at once."""
    for name in names:
        duties._scheduler.get_job(name).modify(next_run_time=datetime.now(UTC))


@pytest.mark.parametrize("hangs", DUTIES)
def test_a_duty_that_hangs_stops_no_other(duties: Duties, house: House, hangs: str) -> None:
    due_now(duties, hangs)
    assert house.begun[hangs].wait(PATIENCE)
    due_now(duties, *DUTIES)
    # None of them has ended.
    assert {name: begun.wait(PATIENCE) for name, begun in house.begun.items()} == dict.fromkeys(DUTIES, True)


def test_a_duty_that_hangs_is_told_once_each_time(
    duties: Duties, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    due_now(duties, "erase")
    assert house.begun["erase"].wait(PATIENCE)
    duties.mind_the_duties()
    assert caplog.messages == []
    steady = boot_clock()
    monkeypatch.setattr("outbox.worker.duties.boot_clock", lambda: steady + HANGS + 10)
    duties.mind_the_duties()
    duties.mind_the_duties()
    assert [message.partition(" has been")[0] for message in caplog.messages] == ["the duty erase"]


def test_a_stop_asks_the_housekeeping_to_end_first(duties: Duties, house: House) -> None:
    due_now(duties, "delete")
    assert house.begun["delete"].wait(PATIENCE)
    duties.stop()
    assert house.stopped


def test_a_clock_that_is_only_corrected_on_its_way_changes_no_plan(
    duties: Duties, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_off(duties)
    told = time.time
    for drift in (0.5, 1.0, 1.5):
        monkeypatch.setattr("outbox.worker.duties.time.time", lambda drift=drift: told() + drift)
        duties.mind_the_clock()
    assert min(planned(duties).values()) > TTL
