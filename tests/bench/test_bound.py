"""When a figure is as it must be, and how that is said."""

import pytest

from bench.bound import Bound


@pytest.mark.parametrize(
    ("upper", "reached", "holds"),
    [
        (False, 1.4, False),
        (False, 1.5, True),
        (False, 1.6, True),
        (True, 1.4, True),
        (True, 1.5, True),
        (True, 1.6, False),
        (False, None, False),
        (True, None, False),
    ],
)
def test_a_floor_is_reached_from_above_and_a_ceiling_kept_from_below(
    *, upper: bool, reached: float | None, holds: bool
) -> None:
    assert Bound("it", 1.5, reached, upper=upper).holds is holds


def test_a_bound_says_what_it_is_what_was_found_and_what_is_wanted() -> None:
    assert str(Bound("a drain", 0.5, 0.604, aim=0.7)) == (
        "floor of a drain: at least 0.5 (aim: 0.7); it is 0.604: ok"
    )
    assert str(Bound("a claim", 1.5, 1.6, upper=True)) == "ceiling of a claim: at most 1.5; it is 1.6: MISSED"
    assert str(Bound("mails a second", 3300, None)) == (
        "floor of mails a second: at least 3,300; it was not measured: MISSED"
    )
