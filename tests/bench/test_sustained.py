"""What is made of the looks at both ends of the steady window."""

import pytest

from bench.studies.sustained import Instant, Sustained


def test_the_window_is_what_was_done_between_two_looks() -> None:
    start = Instant(10.0, 900, 700, 1.0, 2.0, 3.0, 4.0, 5.0)
    end = Instant(14.0, 8_900, 8_800, 1.5, 2.5, 4.0, 4.25, 9.0)
    assert end.since(start) == Instant(4.0, 8_000, 8_100, 0.5, 0.5, 1.0, 0.25, 4.0)


def test_the_rate_is_that_of_mails_that_were_sent() -> None:
    window = Instant(4.0, 8_000, 8_100, 0.5, 0.5, 1.0, 0.25, 4.0)
    assert Sustained(window, 200, 100, 1.0, 2.0).rate == pytest.approx(2025)
