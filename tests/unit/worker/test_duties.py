"""The duties run at their pace whatever the host's clock says."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbox.worker.duties import EXPIRE_EVERY, Duties, Every
from outbox.worker.lease import BEAT
from outbox.worker.report import COUNT_EVERY

TTL = 600.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def duties() -> Iterator[Duties]:
    """Give duties that are never due while a test runs."""
    nobody: Any = None
    made = Duties(nobody, nobody, nobody, TTL, lambda: None)
    made.start()
    yield made
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
    expected = {"rescue": pytest.approx(TTL * BEAT, abs=5), "expire": pytest.approx(EXPIRE_EVERY, abs=5)}
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
    duties: Duties,
) -> None:
    counted = threading.Event()
    nobody: Any = None
    asked = Duties(nobody, nobody, nobody, TTL, lambda: None, counted.set)
    asked.start()
    try:
        assert counted.wait(10)
        assert planned(asked)["count"] == pytest.approx(COUNT_EVERY, abs=5)
        assert "count" not in planned(duties)
    finally:
        asked.stop()


def test_a_clock_that_is_only_corrected_on_its_way_changes_no_plan(
    duties: Duties, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_off(duties)
    told = time.time
    for drift in (0.5, 1.0, 1.5):
        monkeypatch.setattr("outbox.worker.duties.time.time", lambda drift=drift: told() + drift)
        duties.mind_the_clock()
    assert min(planned(duties).values()) > TTL
