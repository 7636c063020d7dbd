"""The status line says what is queued, and what each relay lets pass."""

from types import SimpleNamespace
from typing import Any

import pytest

from outbox.mail.status import Status
from outbox.store.depth import Depth
from outbox.worker.report import Report
from outbox.worker.stop import Stop

EMPTY: list[Depth] = []


def desk(name: str = "main", *, finished: int = 0, carrying: int = 0, hindrance: str | None = None) -> Any:
    """Return a desk, as far as the line asks for it."""
    return SimpleNamespace(
        relay=SimpleNamespace(name=name),
        finished=finished,
        carrying=carrying,
        hindrance=lambda _: hindrance,
    )


def report(*desks: Any, counts: list[Depth] | Exception = EMPTY) -> Report:
    """Return the report of a daemon with these desks, whose database counts this."""

    class Database:
        reads = 0

        def read(self, _work: object) -> list[Depth]:
            self.reads += 1
            if isinstance(counts, Exception):
                raise counts
            return counts

    anything: Any = Database()
    its: Any = desks
    return Report(anything, its, Stop(lambda: None))


@pytest.mark.parametrize(
    ("counts", "overdue", "expected"),
    [
        ({}, 0.0, "queue empty"),
        ({Status.SENDING: 4, Status.PENDING: 1234}, 0.4, "queue: 1,234 pending, 4 sending"),
        (
            {Status.HELD: 2, Status.PENDING: 7, Status.IN_DOUBT: 1},
            4000.0,
            "queue: 7 pending, 1 in_doubt, 2 held (the first due for 4,000 s)",
        ),
    ],
)
def test_the_depth_is_told_by_status(counts: dict[Status, int], overdue: float, expected: str) -> None:
    ages = {Status.PENDING: overdue, Status.HELD: 5000.0}
    streams = [Depth("bulk", status, 1, 0.0) for status in counts]
    it = report(
        counts=[
            *streams,
            *(Depth("other", status, count - 1, ages.get(status, 0.0)) for status, count in counts.items()),
        ]
    )
    assert it.line(0.0) == "", "it has not been counted yet"
    it.count()
    assert it.line(1.0) == expected


def test_each_relay_has_its_words() -> None:
    busy = desk("main", finished=5)
    it = report(busy, desk("backup", hindrance="is down, next try in 12 s"), desk("third", carrying=2))
    others = "; backup is down, next try in 12 s; third is sending over 2 connections"
    assert it.line(10.0) == f"main is idle{others}"
    busy.finished = 12
    assert it.line(12.0) == f"main is sending at 3.5/s{others}"
    busy.finished = 2012
    assert it.line(14.0).startswith("main is sending at 1000/s; ")
    assert it.line(16.0).startswith("main is idle; ")


def test_it_says_first_what_is_unusual() -> None:
    it = report(desk(carrying=3))
    it.failures = 2
    assert it.line(0.0).startswith("the database fails (2 times in a row); ")
    it._stop.hand_over()
    assert it.line(0.0).startswith("reloading, 3 connections finish what has begun; ")
    it._stop.ask()
    assert it.line(0.0).startswith("stopping, 3 connections finish what has begun; ")


@pytest.mark.parametrize("counts", [EMPTY, RuntimeError("no answer")])
def test_counting_takes_a_small_part_of_the_databases_time(
    counts: list[Depth] | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = report(counts=counts)
    clock = iter([100.0, 101.5, 129.9, 130.1, 130.2])  # it begins and ends, is asked in vain, begins and ends
    monkeypatch.setattr("outbox.worker.report.time.monotonic", lambda: next(clock))
    for _ in range(3):
        try:
            it.count()
        except RuntimeError as error:
            assert error is counts  # noqa: PT017 - the same each time, and counted below
    database: Any = it._database
    assert database.reads == 2
