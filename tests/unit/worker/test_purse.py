"""Tokens are borrowed in lots: each is void by its own time, and the next comes before the last is gone."""

from dataclasses import replace

import pytest

from outbox.mail.rate import BORROWED, Demand, Grant, Limit
from outbox.worker.purse import SPACING, Purse

LIMIT = Limit(1000.0, burst=100)


def lent(count: int, at: float, purse: Purse | None = None) -> Purse:
    """Return a purse that was lent so many tokens then, without a delay."""
    purse = purse or Purse()
    purse.receive(Grant(count, 50.0, 0), LIMIT, at, at)
    return purse


def test_a_new_purse_wants_and_one_with_tokens_does_not() -> None:
    assert Purse().wants(1, 0.0)
    purse = lent(9, 0.0)
    assert [purse.wants(count, 0.0) for count in (1, 9, 10)] == [False, False, True]


def test_it_is_low_once_a_third_is_left() -> None:
    purse = lent(9, 0.0)
    assert [purse.spend(1, 0.0) for _ in range(9)] == [*[False] * 5, True, False, False, False]


def test_a_low_purse_asks_for_what_is_still_uncovered_and_its_tokens_go_on() -> None:
    purse = lent(9, 0.0)
    for _ in range(6):
        purse.spend(1, 0.0)
    # For twice as many as went; and of the fifty that the gate has left five may be borrowed to spare.
    assert purse.ask(LIMIT, [1] * 20, 9, 0.05) == Demand(1, 12 - 3, coming=12 + 5 - 12)
    assert purse.has(3, 0.05)
    lent(9, 0.05, purse)
    assert purse.has(12, 0.05)


def test_a_low_purse_asks_for_as_many_as_go_in_time_though_fewer_wait_here_now() -> None:
    purse = lent(9, 0.0)
    for _ in range(6):
        purse.spend(1, 0.0)
    assert purse.ask(LIMIT, [1] * 9, 9, SPACING) == Demand(1, 9 - 3, coming=30 + 5 - 9)
    assert purse.spent == purse.passed == 0


def test_it_is_low_too_when_more_would_come_too_late_for_its_last_lot_and_tells_that_once() -> None:
    purse = lent(900, 0.0)
    ends = BORROWED - SPACING
    assert not purse.spend(1, ends - 0.001)
    assert not purse.wants(1, ends - 0.001)
    assert [purse.spend(1, at) for at in (ends, ends + 0.001)] == [True, False]
    assert purse.wants(1, ends)
    lent(900, ends, purse)
    assert not purse.wants(1, ends)


@pytest.mark.parametrize(("took", "lead"), [(0.001, SPACING), (0.015, 0.03), (0.03, 0.06)])
def test_the_slower_the_answers_the_sooner_it_is_low(took: float, lead: float) -> None:
    purse = Purse()
    purse.receive(Grant(900, 50.0, 0), LIMIT, 0.0, took)
    assert not purse.wants(1, max(took, BORROWED - lead - 0.001))
    assert purse.wants(1, BORROWED - lead + 0.001)


def test_one_slow_answer_is_remembered_for_some_quick_ones() -> None:
    purse = Purse()
    purse.receive(Grant(900, 50.0, 0), LIMIT, 0.0, 0.04)
    leads = []
    for _ in range(24):
        purse.receive(Grant(900, 50.0, 0), LIMIT, 0.1, 0.1)
        leads.append(round(purse.lead, 4))
    assert leads[:4] == [0.0744, 0.0692, 0.0643, 0.0598]
    assert leads[-6:] == [0.0201, *[SPACING] * 5]


def test_one_very_slow_answer_is_forgotten_soon_enough() -> None:
    purse = Purse()
    purse.receive(Grant(900, 50.0, 0), LIMIT, 0.0, 20.0)
    assert purse.lead == BORROWED


def test_of_a_lot_that_ends_it_counts_on_what_goes_until_then() -> None:
    purse = lent(900, 0.0)
    for _ in range(80):
        purse.spend(1, 0.0)
    # A thousand a second went, and 20 ms are left.
    assert purse.ask(LIMIT, [1] * 500, 9, 0.08) == Demand(1, 160 - 20)
    assert lent(140, 0.08, purse).has(900 - 80 + 140, 0.09)


def test_of_two_lots_that_end_no_more_is_counted_on_than_goes_until_the_last_one_does() -> None:
    purse = lent(900, 0.0)
    lent(900, 0.01, purse)
    for _ in range(90):
        purse.spend(1, 0.01)
    # Some 1,059 a second went since it asked at 0.01: five until the first is void, fifteen until the second.
    assert purse.ask(LIMIT, [1] * 500, 9, 0.095) == Demand(1, 180 - 15)


def test_mail_that_goes_on_coming_is_lent_for_before_its_tokens_are_void_though_little_waits_here() -> None:
    purse = lent(900, 0.0)
    for _ in range(80):
        purse.spend(1, 0.0)
    assert purse.ask(LIMIT, [1] * 20, 9, 0.08) == Demand(1, 0, coming=100 + 5 - 20)


@pytest.mark.parametrize(("left", "spare"), [(-50.0, 0), (9.5, 0), (100.0, 10), (100_000.0, 308)])
def test_half_as_much_again_as_went_lately_is_asked_for_but_a_tenth_of_what_the_gate_has(
    left: float, spare: int
) -> None:
    purse = Purse()
    purse.receive(Grant(900, left, 0), LIMIT, 0.0, 0.0)
    for _ in range(610):
        purse.spend(1, 0.0)
    assert purse.ask(LIMIT, [1] * 20, 9, 0.099) == Demand(1, 20 - 6, coming=610 + 6 + spare - 20)


@pytest.mark.parametrize(
    ("limit", "grant"),
    [(replace(LIMIT, quota=900), Grant(90, 50.0, 0)), (LIMIT, Grant(90, 0.5, 0, "rate", 0.05))],
)
def test_of_a_quota_or_where_there_is_little_nothing_is_lent_beside_what_may_still_be_used(
    limit: Limit, grant: Grant
) -> None:
    purse = Purse()
    purse.receive(grant, limit, 0.0, 0.0)
    assert not purse.spend(1, BORROWED - 0.001)
    assert not purse.wants(1, BORROWED - 0.001)
    assert purse.ask(limit, [1] * 20, 9, BORROWED - 0.001) is None


def test_what_is_void_of_a_quota_that_lent_no_more_is_given_back_the_same_day() -> None:
    limit = Limit(quota=10)
    purse = Purse()
    purse.receive(Grant(8, None, 8), limit, 0.0, 0.0)
    for _ in range(6):
        purse.spend(1, 0.0)
    refused = Grant(0, None, 10, "quota", 3600.0)
    purse.receive(refused, limit, 0.05, 0.05)
    assert purse.ask_at == BORROWED
    assert purse.ask(limit, [1] * 9, 9, BORROWED) == Demand(1, 9, unused=2)
    purse.receive(refused, limit, BORROWED, BORROWED)
    assert purse.ask_at > 3600.0


def test_what_goes_until_a_lot_ends_is_no_cover_for_what_comes_after_it() -> None:
    purse = lent(900, 0.0)
    for _ in range(80):
        purse.spend(1, 0.0)
    # Of the hundred that go in the time of a lot twenty are covered, and thirty more wait here.
    assert purse.ask(LIMIT, [1] * 50, 9, 0.08) == Demand(1, 50 - 20, coming=100 + 5 - 50)


def test_a_low_purse_that_covers_all_asks_for_nothing() -> None:
    purse = lent(9, 0.0)
    for _ in range(6):
        purse.spend(1, 0.0)
    assert purse.ask(LIMIT, [1, 2], 9, SPACING) is None
    assert purse.has(3, SPACING)


def test_each_lot_is_void_by_its_own_time() -> None:
    purse = lent(2, 0.06, lent(3, 0.0))
    times = (0.06, BORROWED - 0.001, BORROWED, 0.06 + BORROWED)
    assert [purse.tokens(at) for at in times] == [5, 5, 2, 0]


def test_the_lot_that_is_void_first_is_used_first() -> None:
    purse = lent(2, 0.06, lent(3, 0.0))
    purse.spend(4, 0.06)
    assert [purse.tokens(at) for at in (0.06, BORROWED)] == [1, 1]


def test_what_is_void_is_given_back_and_what_is_not_goes_on() -> None:
    purse = lent(5, 0.08, lent(8, 0.0))
    # Of the eight that are void the gate would hold none: 110 have come since.
    assert purse.ask(LIMIT, [1] * 9, 9, 0.11) == Demand(1, 4, unused=8)
    assert purse.tokens(0.11) == 5


def test_where_the_first_cannot_go_all_is_given_back_and_used_by_nobody() -> None:
    purse = lent(9, 0.0)
    demand = purse.ask(LIMIT, [10, 1], 9, 0.004)
    assert demand is not None
    assert demand.back == pytest.approx(5.0)
    assert replace(demand, back=5.0) == Demand(10, 11, unused=9, back=5.0)
    assert not purse.has(1, 0.004)


def test_who_still_has_tokens_does_not_wait_though_it_was_lent_no_more() -> None:
    purse = lent(9, 0.0)
    purse.receive(Grant(0, 0.5, 0, "rate", 0.01), LIMIT, 0.05, 0.05)
    assert purse.refused_at is None
    purse.receive(Grant(0, 0.5, 0, "rate", 0.01), LIMIT, 0.15, 0.15)
    assert purse.refused_at == 0.15
