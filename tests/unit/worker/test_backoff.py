"""A database that does not answer is left alone for longer and longer, by each daemon for another time."""

import pytest

from outbox.worker.backoff import backoff


def test_each_failure_doubles_the_wait_up_to_five_seconds() -> None:
    waits = [backoff(failures, 0.0) for failures in (1, 2, 3, 4, 5, 6, 7, 8, 10_000)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


@pytest.mark.parametrize("failures", [1, 5, 100])
def test_chance_takes_up_to_half_of_a_wait_away(failures: int) -> None:
    longest = backoff(failures, 0.0)
    assert [backoff(failures, spread) for spread in (0.5, 1.0)] == [longest * 0.75, longest * 0.5]
