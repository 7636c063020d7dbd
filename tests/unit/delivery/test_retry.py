"""Postfix's schedule: five minutes, doubling, at most 4,000 seconds, for five days and five attempts."""

from datetime import timedelta

import pytest

from outbox.delivery.retry import LIFETIME, OWED_ATTEMPTS, RetryPolicy


def test_the_waits_are_those_of_postfix() -> None:
    waits = [RetryPolicy().delay(attempts, 0.5) for attempts in range(1, 9)]
    assert waits == [300, 600, 1200, 2400, 4000, 4000, 4000, 4000]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 225.0), (0.5, 300.0), (0.999999, 375.0)])
def test_chance_spreads_a_wait_by_a_quarter(chance: float, wait: float) -> None:
    assert RetryPolicy().delay(1, chance) == pytest.approx(wait, abs=0.01)


def test_no_number_of_attempts_breaks_the_schedule() -> None:
    assert RetryPolicy().delay(100_000, 0.5) == 4000


def test_a_policy_may_be_quicker() -> None:
    assert [RetryPolicy(base=0.1, cap=0.3).delay(n, 0.5) for n in (1, 2, 3)] == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("attempts", "judged_ago", "too_old"),
    [
        (1, None, False),
        (OWED_ATTEMPTS, None, False),
        (OWED_ATTEMPTS, LIFETIME - 1, False),
        (OWED_ATTEMPTS, LIFETIME, True),
        (OWED_ATTEMPTS - 1, 10 * LIFETIME, False),
        (1000, LIFETIME - 1, False),
        (1000, 10 * LIFETIME, True),
    ],
)
def test_a_mail_is_too_old_after_five_days_and_five_attempts(
    attempts: int, judged_ago: float | None, *, too_old: bool
) -> None:
    assert too_old == RetryPolicy.is_too_old(attempts, judged_ago)


def test_the_lifetime_is_the_longest_that_the_rfc_asks_for() -> None:
    assert timedelta(days=5).total_seconds() == LIFETIME


def test_a_doubt_pauses_for_ten_minutes_and_a_fault_of_the_relay_for_half_of_one() -> None:
    assert (RetryPolicy().doubt_pause, RetryPolicy().fault_pause) == (600, 30)
