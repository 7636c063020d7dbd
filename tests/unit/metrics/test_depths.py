"""The depth of the queue is read at most so often, and nobody waits long for a database that is silent."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from outbox.mail.status import Status
from outbox.metrics.depths import KEPT, LONGEST, SHARE, Depths
from outbox.store.depth import Depth

ONE = [Depth("default", Status.PENDING, 1, 0.0)]
GONE = OperationalError("SELECT", {}, Exception("gone away"))


class Database:
    """Answers as it is told to, and counts how often it was asked."""

    def __init__(self, answer: Callable[[], list[Depth]]) -> None:
        self.answer = answer
        self.reads = 0

    def read(self, _: object) -> list[Depth]:
        self.reads += 1
        return self.answer()

    def close(self) -> None:
        """Be closed."""


class Clock:
    """Time that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def made(database: Database, clock: Clock) -> Any:
    taken: Any = database
    return closing(Depths(taken, clock))


def test_a_reading_is_kept_for_a_while_and_then_read_anew() -> None:
    database, clock = Database(lambda: ONE), Clock()
    with made(database, clock) as depths:
        assert (depths.latest(), depths.latest(), database.reads) == (ONE, ONE, 1)
        clock.now += KEPT
        assert (depths.latest(), database.reads) == (ONE, 2)


def test_another_database_is_read_at_once_and_what_the_first_one_still_answers_is_not_kept() -> None:
    begun, may_answer = threading.Event(), threading.Event()

    def late() -> list[Depth]:
        begun.set()
        assert may_answer.wait(10)
        return []

    first, second = Database(late), Database(lambda: ONE)
    with made(first, Clock()) as depths:
        assert depths.latest(0.0) is None
        assert begun.wait(10)
        depths.turn_to(second)
        may_answer.set()
        assert (depths.latest(10.0), first.reads, second.reads) == (ONE, 1, 1)
        depths.turn_to(Database(list))
        assert depths.latest(10.0) == []


def test_nothing_is_read_that_nobody_asks_for() -> None:
    database = Database(lambda: ONE)
    with made(database, Clock()):
        pass
    assert database.reads == 0


@pytest.mark.parametrize(("took", "kept"), [(2.0, 2.0 * SHARE), (9.0, LONGEST)])
def test_what_takes_long_to_read_is_kept_so_much_longer(took: float, kept: float) -> None:
    clock = Clock()

    def slowly() -> list[Depth]:
        clock.now += took
        return ONE

    database = Database(slowly)
    with made(database, clock) as depths:
        depths.latest()
        clock.now += kept - 0.1
        depths.latest()
        assert database.reads == 1
        clock.now += 0.1
        depths.latest()
        assert database.reads == 2


def test_who_asks_a_silent_database_waits_no_longer_than_his_patience() -> None:
    go_on = threading.Event()

    def silent() -> list[Depth]:
        assert go_on.wait(20)
        return ONE

    with made(Database(silent), Clock()) as depths:
        assert depths.latest(patience=0.01) is None
        go_on.set()
        assert depths.latest(patience=20) == ONE


def test_a_reading_that_fails_is_none_and_told_once_until_it_succeeds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()

    def fails() -> list[Depth]:
        clock.now += 10.0
        raise GONE

    database = Database(fails)
    with caplog.at_level(logging.WARNING, "outbox"), made(database, clock) as depths:
        for answer, told in ((fails, 1), (fails, 1), (lambda: ONE, 1), (fails, 2)):
            database.answer = answer
            assert depths.latest() == (None if answer is fails else ONE)
            assert len(caplog.messages) == told
            clock.now += KEPT
    assert caplog.messages[0] == "the depth of the queue could not be read for the metrics: gone away"
