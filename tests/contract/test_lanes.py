"""A scan that begins at a floor finds what came in behind it: at once where we put it back, else in time."""

from collections.abc import Callable

import pytest

from outbox.mail.status import Lane, Move
from outbox.store.lanes import SHORTEST, Lanes
from outbox.store.queue import Queue
from outbox.store.schema import SessionState
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago

LANES = [Lane.FRESH, Lane.RETRY]


class Clock:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(scene: Scene) -> Clock:
    """Give the clock of the scene's lanes, which have claimed something a moment ago."""
    clock = Clock()
    scene.queue = Queue(scene.database, Lanes(clock))
    scene.mail(2)
    (newest,) = scene.mail()
    scene.change(newest, lane=int(Lane.RETRY))
    assert len(scene.queue.claim(scene.start(), 10)) == 3
    return clock


@pytest.mark.parametrize("lane", LANES)
def test_fault_39_what_commits_long_after_its_instant_is_found_by_the_next_scan_from_the_left(
    scene: Scene, clock: Clock, lane: Lane
) -> None:
    # As a transaction that was open for an hour leaves it: due since its beginning.
    (late,) = scene.mail()
    scene.change(late, due_at=ago(3600), lane=int(lane))
    assert not scene.queue.has_due()
    assert scene.queue.claim(scene.start(), 10) == []
    clock.now += SHORTEST
    assert scene.queue.has_due()
    (claim,) = scene.queue.claim(scene.start(), 10)
    assert late == claim.delivery_id


def test_a_look_from_the_left_that_finds_nothing_counts_as_one(scene: Scene, clock: Clock) -> None:
    clock.now += SHORTEST
    assert not scene.queue.has_due()
    (late,) = scene.mail()
    scene.change(late, due_at=ago(3600))
    assert not scene.queue.has_due()


@pytest.mark.parametrize("first", ["look", "claim"])
def test_an_empty_queue_has_a_floor_too(scene: Scene, first: str) -> None:
    clock = Clock()
    scene.queue = Queue(scene.database, Lanes(clock))
    assert not scene.queue.has_due() if first == "look" else not scene.queue.claim(scene.start(), 10)
    (late,) = scene.mail()
    scene.change(late, due_at=ago(3600))
    assert not scene.queue.has_due()
    clock.now += SHORTEST
    assert scene.queue.has_due()


def test_a_claim_of_one_that_finds_fresh_mail_has_not_looked_at_the_retries(
    scene: Scene, clock: Clock
) -> None:
    retry, fresh = scene.mail(2)
    scene.change(retry, due_at=ago(3600), lane=int(Lane.RETRY))
    clock.now += SHORTEST
    found = [claim.delivery_id for _ in range(2) for claim in scene.queue.claim(scene.start(), 1)]
    assert found == [fresh, retry]


@pytest.mark.usefixtures("clock")
def test_what_commits_in_time_is_found_at_once(scene: Scene) -> None:
    (new,) = scene.mail()
    scene.change(new, due_at=ago(2))
    (claim,) = scene.queue.claim(scene.start(), 10)
    assert new == claim.delivery_id


def _release(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, due_at=ago(3600))
    record(scene.queue, me, settlement(claim, Move.RELEASE))


def _release_unknown(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, due_at=ago(3600))
    scene.queue.release_unknown(me, [])


def _rescue(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, due_at=ago(3600))
    scene.sessions.enter(me, SessionState.STOPPED)
    scene.queue.rescue()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("put_back", [_release, _release_unknown, _rescue])
def test_what_this_daemon_puts_back_is_found_at_once(scene: Scene, put_back: Callable[[Scene], None]) -> None:
    put_back(scene)
    assert len(scene.queue.claim(scene.start(), 10)) == 1


def test_more_than_one_claim_of_late_commits_is_claimed_without_waiting_in_between(
    scene: Scene, clock: Clock
) -> None:
    late = scene.mail(25)
    scene.change(late, due_at=ago(3600))
    clock.now += SHORTEST
    sizes = [len(scene.queue.claim(scene.start(), 10)) for _ in range(4)]
    assert sizes == [10, 10, 5, 0]
