"""No limit is ever passed by, whoever asks for how much and when; and a pace that was lowered recovers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.mail.rate import (
    ANEW,
    ANY,
    DAY,
    DOUBLES,
    SLOWEST,
    Bucket,
    Demand,
    Grant,
    Limit,
    grant,
    grown,
    in_hand,
    parse_rate,
    slowed,
)

RATES = st.floats(min_value=0.01, max_value=5000)
LIMITS = st.builds(
    Limit, rate=RATES, burst=st.none() | st.integers(1, 500), quota=st.none() | st.integers(0, 2000)
)
ASKED = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=5),
        st.integers(1, 50),
        st.integers(0, 200),
    ),
    min_size=1,
    max_size=60,
)
"""Seconds since the one before, the recipients of the first parcel, and of the others."""


@pytest.mark.parametrize(
    ("text", "rate"), [("14/s", 14.0), ("0.5/s", 0.5), ("90/min", 1.5), (" 7200 / h ", 2.0)]
)
def test_a_rate_names_its_time(text: str, rate: float) -> None:
    assert rate == parse_rate(text)


@pytest.mark.parametrize(
    "text", ["", "14", "14/d", "0/s", "-1/s", "1e9/s", "/s", "nan/s", "14/s x", "9" * 400 + "/s"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        parse_rate(text)


def test_a_rate_of_less_than_one_a_day_is_refused() -> None:
    assert parse_rate("0.05/h") * DAY > 1.0
    with pytest.raises(ValueError, match="less than one recipient a day"):
        parse_rate("0.04/h")


@pytest.mark.parametrize(
    ("limit", "at_once", "together"),
    [
        (Limit(50.0), 5.0, 5),
        (Limit(15.0), 1.5, 1),
        (Limit(2.0), 1.0, 1),
        (Limit(2.0, burst=20), 20.0, 20),
        (Limit(quota=7), 1.0, 7),
        (Limit(200.0, quota=7), 20.0, 7),
        (Limit(2.0, quota=7), 1.0, 1),
        (ANY, 1.0, None),
    ],
)
def test_a_burst_is_a_tenth_of_a_second_and_one_recipient_at_least(
    limit: Limit, at_once: float, together: int | None
) -> None:
    assert (at_once, together) == (limit.at_once, limit.together)


def test_what_was_borrowed_in_vain_is_there_again_as_far_as_the_bucket_holds_it() -> None:
    assert grant(Limit(1.0), Bucket(0.4), Demand(1, 1, back=0.6)).count == 1
    assert grant(Limit(1.0), Bucket(0.4), Demand(1, 9, back=5.0)).count == 1


def granted(limit: Limit, asked: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Ask so, and return when how much was granted, and of how many the first parcel was."""
    bucket, now, given_so_far = Bucket(), 0.0, []
    for pause, least, more in asked:
        now += pause
        seen = Bucket(bucket.tokens, pause, bucket.used, 1.0)
        given = grant(limit, seen, Demand(least, least + more))
        given_so_far.append((now, given.count, least))
        bucket = Bucket(given.tokens, 0.0, given.used, 1.0)
    return given_so_far


@given(LIMITS, ASKED)
def test_in_any_time_no_more_passes_than_the_rate_and_one_burst(
    limit: Limit, asked: list[tuple[float, int, int]]
) -> None:
    assert limit.rate is not None
    given_so_far = granted(limit, asked)
    for first, (begin, *_) in enumerate(given_so_far):
        passed, beyond = 0, 0.0
        for now, count, least in given_so_far[first:]:
            passed += count
            # What a parcel that is larger than the bucket takes beyond, the next ones wait for.
            beyond = max(beyond, least - limit.at_once if count else 0.0)
            assert passed <= limit.rate * (now - begin) + limit.at_once + beyond + 1e-6


@given(LIMITS, ASKED)
def test_no_more_passes_than_the_quota(limit: Limit, asked: list[tuple[float, int, int]]) -> None:
    if limit.quota is not None:
        assert sum(count for _, count, _ in granted(limit, asked)) <= limit.quota


@given(LIMITS, st.integers(1, 50), st.integers(0, 200), st.floats(-50, 500), st.floats(-10, 10))
def test_a_first_parcel_goes_whole_or_waits_for_a_time_that_brings_it(
    limit: Limit, least: int, more: int, tokens: float, age: float
) -> None:
    assert limit.rate is not None
    found = grant(limit, Bucket(tokens, age), Demand(least, least + more))
    assert found.count == 0 or found.count >= least
    is_too_large = limit.quota is not None and 0 < limit.quota < least
    assert (found.short_of is None) == (is_too_large or found.count == least + more)
    if found.short_of == "rate" and not found.count:
        assert found.tokens is not None
        later = Bucket(found.tokens, found.wait * (1 + 1e-9) + 1e-9, found.used)
        assert grant(limit, later, Demand(least, least)).count == least


def test_who_has_waited_for_two_full_buckets_goes_by_one_token_and_the_bucket_owes_the_rest() -> None:
    limit, bucket = Limit(100.0), Bucket(1.0)
    assert grant(limit, bucket, Demand(10, 30, waited=0.19)) == Grant(0, 1.0, 0, "rate", 0.09)
    assert grant(limit, bucket, Demand(10, 30, waited=0.2)) == Grant(10, -9.0, 10, "rate", 0.1)


def test_a_bucket_of_fifty_a_second_lends_five_and_then_two_each_twentieth_of_a_second() -> None:
    limit = Limit(50.0)
    first = grant(limit, Bucket(), Demand(1, 100))
    assert first == Grant(5, 0.0, 5, "rate", 0.05)
    second = grant(limit, Bucket(first.tokens, 0.05, first.used), Demand(1, 100))
    assert (second.count, second.tokens) == (2, 0.5)


def test_a_clock_that_was_set_back_costs_no_more_than_the_time_since() -> None:
    assert Bucket(1.5, -3600.0).filled(Limit(10.0, burst=5)) == 1.5


@pytest.mark.parametrize(
    ("waits", "coming", "lent", "short_of"),
    [(6, 3, 9, None), (6, 9, 10, None), (10, 9, 10, None), (11, 9, 10, "rate")],
)
def test_only_what_waits_makes_a_gate_short_of_something(
    waits: int, coming: int, lent: int, short_of: str | None
) -> None:
    found = grant(Limit(100.0), Bucket(), Demand(1, waits, coming=coming))
    assert (found.count, found.short_of, found.wait > 0) == (lent, short_of, bool(short_of))


def test_a_quota_that_is_spent_waits_for_the_next_day_and_has_back_what_was_not_used() -> None:
    limit = Limit(quota=10)
    assert grant(limit, Bucket(None, 0.0, 9, 3600.0), Demand(2, 2)) == Grant(0, None, 9)
    assert grant(limit, Bucket(None, 0.0, 10, 3600.0), Demand(2, 2)) == Grant(0, None, 10, "quota", 3600.0)
    assert grant(limit, Bucket(None, 0.0, 9, 3600.0), Demand(1, 5)) == Grant(1, None, 10, "quota", 3600.0)
    assert grant(limit, Bucket(None, 0.0, 10, 3600.0), Demand(2, 2, unused=4)) == Grant(2, None, 8)


def test_a_gate_that_takes_back_what_is_not_used_lends_nothing_to_who_asks_for_nothing() -> None:
    assert grant(Limit(5.0, quota=10), Bucket(1.0, 0.0, 4), Demand(0, 0, unused=3)) == Grant(0, 1.0, 1)


@pytest.mark.parametrize(
    ("limit", "pace", "rate"),
    [
        (ANY, None, None),
        (ANY, 3.0, 3.0),
        (Limit(10.0), 3.0, 3.0),
        (Limit(2.0), 3.0, 2.0),
        (Limit(2.0), None, 2.0),
    ],
)
def test_a_lowered_pace_counts_where_it_is_less_than_the_rate(
    limit: Limit, pace: float | None, rate: float | None
) -> None:
    assert rate == limit.lowered(pace).rate


def test_a_pace_is_halved_doubles_again_in_five_minutes_and_is_forgotten_after_a_day() -> None:
    assert slowed(100.0, None) == 50.0
    assert [grown(50.0, age) for age in (0.0, DOUBLES, 2 * DOUBLES, DAY)] == [50.0, 100.0, 200.0, None]
    assert grown(None, 0.0) is None


def test_what_all_connections_are_told_at_once_counts_once() -> None:
    assert [slowed(50.0, age) for age in (0.0, ANEW - 0.1, ANEW)] == [None, None, 25.0]


def test_something_always_passes() -> None:
    assert slowed(0.0, None) == SLOWEST


@pytest.mark.parametrize(
    ("limit", "tokens", "held"),
    [(Limit(50.0), 5.0, 30), (Limit(14.0), 0.0, 7), (Limit(0.1), 0.9, 0), (ANY, 0.0, None)],
)
def test_half_a_second_of_a_rate_is_in_hand(limit: Limit, tokens: float, held: int | None) -> None:
    assert held == in_hand(limit, tokens)
