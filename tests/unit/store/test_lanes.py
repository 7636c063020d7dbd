"""A scan begins a little before the last claim, and a look at all lines is often enough to forget nothing."""

from datetime import UTC, datetime, timedelta

from outbox.mail.share import MOST
from outbox.mail.status import Lane
from outbox.store.lanes import COST, LEFT, LONGEST, MARGIN, SHORTEST, Edge, Lanes, Line, Look

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FRESH = Line("default", Lane.FRESH)
RETRY = Line("default", Lane.RETRY)


def after_noon(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Scene:
    """Lanes with a clock that a test moves, a minute after noon by the database's."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lanes = Lanes(lambda: self.now)

    def find(self, *oldest: tuple[Line, float], took: float = 0.0) -> Look:
        """Look at all lines, and find these with their oldest delivery so many seconds after noon."""
        look = self.lanes.look()
        edges = [Edge(line, after_noon(due), is_due=due <= 60) for line, due in oldest]
        self.lanes.found(look, edges, after_noon(60), took)
        return look

    def claim(self, line: Line, *dues: float) -> None:
        """Claim deliveries of a line that were due so many seconds after noon."""
        self.lanes.claimed(self.lanes.look(), line, [after_noon(due) for due in dues])

    def floor(self, line: Line = FRESH) -> datetime:
        return self.lanes.look().floor(line)


def test_a_look_costs_a_twentieth_of_the_time_and_a_scan_begins_five_seconds_back() -> None:
    assert (20, 0.1, 10.0, timedelta(seconds=5)) == (COST, SHORTEST, LONGEST, MARGIN)


def test_the_first_claim_looks_at_all_lines_and_the_next_at_those_that_it_found() -> None:
    scene = Scene()
    assert scene.find((FRESH, 10), (RETRY, 20)).is_whole
    assert not scene.lanes.look().is_whole
    assert [after_noon(5), after_noon(15)] == [scene.floor(), scene.floor(RETRY)]


def test_fault_34_the_pause_between_two_looks_is_twenty_times_what_the_last_one_took() -> None:
    for took, pause in ((0.0, SHORTEST), (0.01, 0.2), (0.3, 6.0), (5.0, LONGEST)):
        scene = Scene()
        scene.find(took=5.0)
        scene.find(took=took)
        scene.now += pause - 0.01
        assert not scene.lanes.look().is_whole
        scene.now += 0.01
        assert scene.lanes.look().is_whole


def test_one_slow_look_alone_makes_no_long_pause() -> None:
    scene = Scene()
    scene.find(took=0.5)
    scene.now += SHORTEST
    assert scene.lanes.look().is_whole


def test_fault_34_between_two_looks_a_scan_begins_a_little_before_what_was_claimed_last() -> None:
    scene = Scene()
    scene.find((FRESH, 10))
    scene.claim(FRESH, 40, 30)
    assert after_noon(35) == scene.floor()
    scene.claim(FRESH)
    assert after_noon(35) == scene.floor()


def test_a_floor_never_goes_back_by_itself() -> None:
    scene = Scene()
    scene.find((FRESH, 10))
    scene.claim(FRESH, 40)
    scene.claim(FRESH, 20)
    assert after_noon(35) == scene.floor()


def test_a_look_knows_the_left_edge_of_each_line_whatever_was_claimed() -> None:
    scene = Scene()
    scene.find((FRESH, 10))
    scene.claim(FRESH, 50)
    scene.find((FRESH, 3), (RETRY, 30))
    assert [after_noon(-2), after_noon(25)] == [scene.floor(), scene.floor(RETRY)]


def test_a_line_without_mail_or_with_mail_for_later_begins_about_now() -> None:
    scene = Scene()
    scene.find((FRESH, 10), (RETRY, 3600))
    scene.find((RETRY, 3600))
    assert [after_noon(55), after_noon(55)] == [scene.floor(), scene.floor(RETRY)]


def test_what_is_put_back_is_looked_for_at_once() -> None:
    scene = Scene()
    scene.find((FRESH, 10), took=1.0)
    scene.lanes.forget()
    assert scene.lanes.look().is_whole


def test_what_is_put_back_during_a_look_is_not_missed() -> None:
    scene = Scene()
    look = scene.lanes.look()
    scene.lanes.forget()
    scene.lanes.found(look, [], after_noon(60), 1.0)
    scene.lanes.claimed(look, FRESH, [after_noon(50)])
    assert scene.lanes.look().is_whole
    assert scene.floor() == LEFT


def test_a_database_whose_clock_is_set_back_has_its_floors_set_back_by_the_next_look() -> None:
    scene = Scene()
    scene.find((FRESH, 10))
    scene.claim(FRESH, 3600)
    scene.find()
    assert after_noon(55) == scene.floor()


def test_the_rescued_are_few_and_scanned_from_the_left_edge() -> None:
    scene = Scene()
    alone = Line("default", Lane.ALONE)
    scene.find((alone, 10))
    scene.claim(alone, 20)
    assert scene.floor(alone) == LEFT


def test_between_two_looks_those_streams_come_first_that_wait_since_the_last_one() -> None:
    scene = Scene()
    tenants = [Line(f"tenant-{n:02}", Lane.FRESH) for n in range(2 * MOST)]
    scene.find((FRESH, 10), *((tenant, 10.0) for tenant in tenants))
    scene.claim(FRESH, 20)
    for tenant in tenants[:MOST]:
        scene.claim(tenant)
    assert tuple(tenant.stream for tenant in tenants[MOST:]) == scene.lanes.look().streams
    for tenant in tenants[MOST:]:
        scene.claim(tenant, 20)
    known = scene.lanes.look()
    assert tuple(tenant.stream for tenant in reversed(tenants[MOST:])) == known.streams
    assert [Line("tenant-63", lane) for lane in Lane] == known.lines()[:3]


def test_what_is_remembered_of_thousands_of_tenants_is_bounded() -> None:
    scene = Scene()
    scene.find(*((Line(f"tenant-{n}", Lane.FRESH), 10.0) for n in range(1500)))
    assert (len(scene.lanes._streams), len(scene.lanes._floors)) == (1000, 1000)
