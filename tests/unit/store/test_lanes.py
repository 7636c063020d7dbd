"""A scan begins a little before the last claim, and at the left edge often enough to forget nothing."""

from datetime import UTC, datetime, timedelta

from outbox.mail.status import Lane
from outbox.store.lanes import EVERY, LEFT, MARGIN, Lanes

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Scene:
    """Lanes with a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lanes = Lanes(lambda: self.now)

    def scan(self, *due: float, lane: Lane = Lane.FRESH) -> datetime:
        """Scan a lane, find what was due so many seconds after noon, and tell where the scan began."""
        look = self.lanes.look()
        seen = [NOON + timedelta(seconds=each) for each in due]
        self.lanes.found(look, lane, seen)
        return look.floors[lane]


def after_noon(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds) - MARGIN


def test_a_scan_begins_five_seconds_back_and_every_ten_seconds_at_an_edge_that_nothing_precedes() -> None:
    assert (timedelta(seconds=5), 10, datetime.fromtimestamp(0, UTC)) == (MARGIN, EVERY, LEFT)


def test_a_look_is_whole_when_a_lane_but_that_of_the_rescued_begins_at_the_left_edge() -> None:
    scene = Scene()
    assert scene.lanes.look().is_whole
    scene.scan(20)
    assert scene.lanes.look().is_whole
    scene.scan(20, lane=Lane.RETRY)
    assert not scene.lanes.look().is_whole


def test_fault_34_the_first_scan_begins_at_the_left_edge_and_the_next_before_the_last_claim() -> None:
    scene = Scene()
    assert scene.scan(10, 20) == LEFT
    assert after_noon(20) == scene.scan(40, 30)
    assert after_noon(40) == scene.scan()


def test_a_scan_that_finds_nothing_moves_no_floor_unless_it_knows_its_instant() -> None:
    scene = Scene()
    scene.scan(20)
    scene.scan()
    assert after_noon(20) == scene.scan(50)
    assert after_noon(50) == scene.scan()


def test_a_floor_never_goes_back_by_itself() -> None:
    scene = Scene()
    scene.scan(20)
    scene.scan(18)
    assert after_noon(20) == scene.scan()


def test_every_ten_seconds_a_scan_begins_at_the_left_edge() -> None:
    scene = Scene()
    scene.scan(20)
    scene.now += EVERY - 0.1
    assert after_noon(20) == scene.scan()
    scene.now += 0.1
    assert scene.scan(5, 30) == LEFT  # the last of them is the scan's own instant
    assert after_noon(30) == scene.scan()
    scene.now += 2 * EVERY
    assert scene.scan() == LEFT


def test_what_came_in_far_behind_is_followed_until_all_of_it_is_claimed() -> None:
    scene = Scene()
    scene.scan(1000)
    scene.now += EVERY
    assert scene.scan(10, 20) == LEFT
    assert after_noon(20) == scene.scan(30)
    assert after_noon(30) == scene.scan()


def test_each_lane_has_its_own_floor_and_the_rescued_none() -> None:
    scene = Scene()
    scene.scan(20)
    assert scene.scan(10, lane=Lane.RETRY) == LEFT
    assert after_noon(10) == scene.scan(lane=Lane.RETRY)
    assert after_noon(20) == scene.scan()
    scene.scan(50, lane=Lane.ALONE)
    assert scene.scan(lane=Lane.ALONE) == LEFT


def test_what_is_put_back_makes_the_next_scan_begin_at_the_left_edge() -> None:
    scene = Scene()
    scene.scan(20)
    scene.lanes.forget()
    assert scene.scan() == LEFT
    assert after_noon(20) == scene.scan()


def test_what_is_put_back_during_a_scan_is_not_missed() -> None:
    scene = Scene()
    look = scene.lanes.look()
    scene.lanes.forget()
    scene.lanes.found(look, Lane.FRESH, [NOON])
    assert scene.scan() == LEFT


def test_a_database_whose_clock_is_set_back_has_its_floors_set_back_by_the_next_whole_scan() -> None:
    scene = Scene()
    scene.scan(3600)
    scene.now += EVERY
    scene.scan(0)
    assert after_noon(0) == scene.scan()
