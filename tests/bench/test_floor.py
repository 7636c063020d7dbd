"""What a floor compares, and when it holds."""

import pytest

from bench.contestants import CONTESTANTS
from bench.floor import FLOORS, Floor
from bench.run import Run


def run(rate: float, *, connections: int = 1, round_trip: float | None = None) -> Run:
    return Run(
        mails=1000, seconds=1000 / rate, cpu=1.0, peak=1, connections=connections, round_trip=round_trip
    )


def test_of_several_others_the_best_is_the_measure() -> None:
    runs = {"ours": run(2000), "slow": run(100), "fast": run(1000), "not asked": run(9000)}
    assert Floor("ours", "peers", 2, ("slow", "fast")).reached(runs) == pytest.approx(2.0)


def test_alone_a_floor_counts_the_mails_in_a_round_trip_of_each_connection() -> None:
    runs = {"ours": run(720, connections=16, round_trip=0.02)}
    assert Floor("ours", "a mail a round trip", 0.9).reached(runs) == pytest.approx(0.9)


@pytest.mark.parametrize("missing", ["ours", "fast"])
def test_what_was_not_measured_holds_nothing(missing: str) -> None:
    runs = {"ours": run(2000), "slow": run(100), "fast": run(1000)}
    del runs[missing]
    floor = Floor("ours", "peers", 2, ("slow", "fast"))
    assert floor.bound("ours", runs).holds is False


@pytest.mark.parametrize(("rate", "holds"), [(501, True), (499, False)])
def test_an_aim_is_not_a_floor(rate: float, holds: bool) -> None:  # noqa: FBT001 a value of the table
    floor = Floor("ours", "smtp-source", 0.5, ("other",), aim=0.7)
    assert floor.bound("ours", {"ours": run(rate), "other": run(1000)}).holds is holds


def test_every_floor_compares_what_is_measured() -> None:
    names = {contestant.name for contestant in CONTESTANTS}
    assert [floor for floor in FLOORS if not floor.names <= names] == []
