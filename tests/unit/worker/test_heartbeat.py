"""Who could not be heard for a moment does not judge the silence of others."""

import math
import threading
import time
from typing import Any
from uuid import UUID

from sqlalchemy.exc import OperationalError

from outbox.store.sessions import Totals
from outbox.worker.heartbeat import Heartbeat
from outbox.worker.lease import UNBROKEN, boot_clock
from tests.support.waiting import wait_until

TTL = 0.6


class Sessions:
    """Sessions whose next beat fails."""

    def __init__(self) -> None:
        self.beats = 0

    def start(self, _me: UUID, **_: object) -> None:
        """Begin a session."""

    def beat(self, _me: UUID, _totals: Totals, _least: int) -> bool:
        self.beats += 1
        raise OperationalError("UPDATE", {}, Exception("gone away"))


def test_a_beat_that_failed_makes_the_beats_before_it_worthless() -> None:
    sessions = Sessions()
    taken: Any = sessions
    heart = Heartbeat(taken, TTL, Totals(), lambda _: None)
    heart.lease.unbroken_since = boot_clock() - 10 * TTL * UNBROKEN
    heart.lease.valid_until = boot_clock() + 1000
    assert heart.is_unbroken()
    heart.start()
    wait_until(lambda: sessions.beats > 0, "a beat has failed")
    heart.stop()
    assert not heart.is_unbroken()


class Behind(Sessions):
    """Sessions of a database that went back in time, until that is noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def beat(self, _me: UUID, _totals: Totals, least: int) -> bool:
        self.asked.append(least)
        return least == 0

    def is_behind(self, _me: UUID, least: int) -> bool:
        return least > 0


def test_fault_32_a_row_that_says_less_is_left_to_the_next_look_and_the_session_goes_on() -> None:
    sessions, counted = Behind(), [7]
    lost: list[object] = []
    taken: Any = sessions
    heart = Heartbeat(taken, TTL, Totals(), lost.append, counted=lambda _: counted[0])
    before = heart.lease, heart.lease.valid_until
    heart._beat()
    assert (heart.lease, heart.lease.valid_until) == before
    counted[0] = 0
    heart._beat()
    assert heart.lease is before[0]
    assert heart.lease.valid_until > before[1]
    assert (sessions.asked, lost) == ([7, 0], [])


class Losing(Sessions):
    """Sessions of which the first one is lost at its third beat; they keep what each was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[UUID, int, int, int]] = []

    def beat(self, me: UUID, totals: Totals, _least: int) -> bool:
        self.told.append((me, totals.sent, totals.failed, totals.deferred))
        return len(self.told) != 3

    def is_behind(self, _me: UUID, _least: int) -> bool:
        return False


def test_each_session_has_the_counts_of_its_own_time_so_that_none_is_in_two_rows() -> None:
    sessions, totals = Losing(), Totals()
    taken: Any = sessions
    heart = Heartbeat(taken, TTL, totals, lambda _: None)
    first = heart.lease.id
    for sent, failed, deferred in ((5, 0, 1), (7, 2, 1), (8, 2, 1), (8, 2, 1), (10, 3, 2)):
        totals.sent, totals.failed, totals.deferred = sent, failed, deferred
        heart._beat()
    second = heart.lease.id
    counts = [(5, 0, 1), (7, 2, 1), (8, 2, 1), (1, 0, 0), (3, 1, 1)]
    assert sessions.told == [
        (me, *count) for me, count in zip([first] * 3 + [second] * 2, counts, strict=True)
    ]


def test_fault_79_it_tells_when_it_beats_next_also_after_a_beat_that_failed_and_of_one_that_hangs() -> None:
    sessions = Sessions()
    taken: Any = sessions
    heart = Heartbeat(taken, TTL, Totals(), lambda _: None)
    assert heart.moves_by == math.inf
    heart.start()
    begun = time.monotonic()
    wait_until(lambda: sessions.beats > 1, "beats have failed")
    assert begun < heart.moves_by < begun + 30
    hanging, going_on = threading.Event(), threading.Event()

    def hang(*_: object) -> bool:
        hanging.set()
        return going_on.wait(30)

    taken.beat = hang  # a call of the database that never returns
    assert hanging.wait(30)
    stands = heart.moves_by
    assert stands <= time.monotonic()
    wait_until(lambda: time.monotonic() > stands + TTL, "the next beat would be due")
    assert heart.moves_by == stands
    going_on.set()
    heart.stop()
    assert heart.moves_by == math.inf
