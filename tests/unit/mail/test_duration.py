"""A duration is a number and its unit, and nothing that could be read in two ways."""

import pytest

from outbox.mail.duration import parse_duration, told_duration


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30d", 2_592_000.0),
        ("12h", 43_200.0),
        ("1w", 604_800.0),
        ("5m", 300.0),
        ("1.5s", 1.5),
        (" 0d ", 0.0),
        ("36525d", 3_155_760_000.0),
    ],
)
def test_a_number_with_its_unit_is_so_many_seconds(given: str, seconds: float) -> None:
    assert seconds == parse_duration(given)


@pytest.mark.parametrize(
    "given", ["", "30", "d", "-1d", "1y", "1d2h", "1 d", "1e3d", "nan", "36526d", "\u0663d0"]
)
def test_anything_else_is_none(given: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|century"):
        parse_duration(given)


@pytest.mark.parametrize("told", ["30d", "36h", "90m", "1.5s", "86401s"])
def test_seconds_are_told_as_they_are_read(told: str) -> None:
    assert told_duration(parse_duration(told)) == told
