"""A claim is half a second of work: never less than twice the connections, never more than 200."""

import pytest

from outbox.worker.pace import MOST, Pace


@pytest.mark.parametrize(("connections", "size"), [(1, 2), (4, 8), (100, 200), (500, MOST)])
def test_the_first_claim_is_twice_the_connections(connections: int, size: int) -> None:
    assert size == Pace(connections).claim_size(0.0)


@pytest.mark.parametrize(("rate", "size"), [(0, 8), (10, 8), (100, 50), (1000, MOST)])
def test_a_claim_follows_the_rate_of_the_last_half_second(rate: int, size: int) -> None:
    pace = Pace(4)
    pace.claim_size(10.0)
    pace.finished(rate)
    assert size == pace.claim_size(11.0)


def test_a_burst_is_noticed_before_its_first_half_second_is_over() -> None:
    pace = Pace(4)
    assert pace.claim_size(0.0) == 8
    pace.finished(8)
    assert pace.claim_size(0.01) == 80  # no rate is believed that is measured over less than 50 ms
    pace.finished(52)
    assert pace.claim_size(0.2) == 150


def test_a_slower_moment_does_not_shrink_the_claims_at_once() -> None:
    pace = Pace(4)
    pace.claim_size(0.0)
    pace.finished(100)
    assert pace.claim_size(0.5) == 100
    assert pace.claim_size(0.9) == 100
    assert pace.claim_size(1.0) == 8


def test_an_old_rate_is_forgotten() -> None:
    pace = Pace(4)
    pace.claim_size(0.0)
    pace.finished(100)
    assert pace.claim_size(1.0) == 50
    assert pace.claim_size(2.0) == 8


def test_what_passes_is_known_in_the_first_half_second_and_after_a_rest() -> None:
    pace = Pace(4)
    assert pace.passing(0.0) == 0.0
    pace.claim_size(0.0)
    pace.finished(30)
    assert pace.passing(0.3) == pytest.approx(100.0)
    for now in (0.5, 1.0, 60.0):
        pace.claim_size(now)
    pace.finished(10)
    assert pace.passing(60.1) == pytest.approx(100.0)
