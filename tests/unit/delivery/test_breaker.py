"""A relay that fails is left alone by all, then probed by one connection of one daemon, then used slowly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.delivery.breaker import FIRST_WAIT, LONGEST_WAIT, PROBE, Breaker, News

MIDDLE = 0.5
"""The chance that spreads a wait by nothing."""


def opened(connections: int = 4) -> Breaker:
    """Return a breaker that has opened at 0 s, and told it."""
    breaker = Breaker(connections)
    for _ in range(connections):
        breaker.fault(0.0, MIDDLE)
    breaker.news = None
    return breaker


def probing(connections: int = 4) -> Breaker:
    """Return one whose wait is over, and whose probe is ours."""
    breaker = opened(connections)
    breaker.take_probe(1.0)
    return breaker


def refuted(connections: int = 2) -> Breaker:
    """Return one that opened it, and saw another daemon close it."""
    breaker = opened(connections)
    breaker.opened_for_all()
    assert breaker.adopt(None, 1, 1.0)
    return breaker


def test_a_new_breaker_lets_all_connections_work() -> None:
    breaker = Breaker(4)
    assert (breaker.is_open, breaker.width(0.0), breaker.wait(0.0), breaker.news) == (False, 4, 0.0, None)


def test_it_opens_after_as_many_faults_in_a_row_as_there_are_connections() -> None:
    breaker = Breaker(4)
    assert [breaker.fault(10.0, MIDDLE) for _ in range(4)] == [False, False, False, True]
    assert (breaker.is_open, breaker.width(10.0), breaker.wait(10.0)) == (True, 0, FIRST_WAIT)
    assert breaker.news is News.OPENED


def test_a_judged_mail_in_between_breaks_the_row() -> None:
    breaker = Breaker(2)
    for _ in range(5):
        assert not breaker.fault(0.0, MIDDLE)
        assert not breaker.judged()
    assert (breaker.is_open, breaker.news) == (False, None)


def test_a_fault_that_speaks_of_all_connections_opens_it_alone() -> None:
    breaker = Breaker(4)
    assert breaker.fault(0.0, MIDDLE, of_all=True)
    assert (breaker.wait(0.0), breaker.news) == (1.0, News.OPENED)


def test_faults_of_ours_keep_no_other_daemon_from_the_relay() -> None:
    breaker = Breaker(2)
    assert [breaker.fault(0.0, MIDDLE, ours=True) for _ in range(2)] == [False, True]
    assert (breaker.news, breaker.width(0.0), breaker.wait(0.0)) == (None, 0, FIRST_WAIT)
    # Nobody else knows that it is open: their word that it is not changes nothing.
    assert not breaker.adopt(None, 0, 0.5)
    assert (breaker.width(1.0), breaker.may_ask(1.0)) == (1, False)
    breaker.fault(1.0, MIDDLE, ours=True)
    assert (breaker.news, breaker.width(1.0), breaker.wait(1.0)) == (None, 0, 2 * FIRST_WAIT)
    assert breaker.judged()


def test_a_probe_for_which_we_lack_something_is_left_to_others() -> None:
    breaker = probing()
    assert not breaker.fault(1.0, MIDDLE, ours=True)
    assert (breaker.news, breaker.may_ask(1.0)) == (News.LEFT, False)


def test_after_the_wait_nothing_works_but_the_one_probe() -> None:
    breaker = opened()
    assert [breaker.wait(now) for now in (0.0, 0.75, 99.0)] == [1.0, 0.25, 0.0]
    assert [breaker.may_ask(now) for now in (0.0, 0.99, 1.0)] == [False, False, True]
    assert breaker.width(99.0) == 0
    breaker.take_probe(99.0)
    assert (breaker.width(99.0), breaker.may_ask(99.0)) == (1, False)
    breaker.leave_probe()
    assert (breaker.width(99.0), breaker.may_ask(99.0)) == (0, True)
    assert breaker.news is News.LEFT


def test_a_probe_that_is_over_is_not_left_any_more() -> None:
    failed, judged = opened(), opened()
    for breaker in (failed, judged):
        breaker.take_probe(1.0)
    failed.fault(1.0, MIDDLE)
    judged.judged()
    for breaker in (failed, judged):
        breaker.leave_probe()
    assert (failed.news, judged.news) == (News.FAILED, News.CLOSED)


def test_a_probe_that_is_had_when_a_mail_was_judged_meanwhile_is_over() -> None:
    breaker = opened()
    breaker.judged()
    breaker.take_probe(1.0)
    # Opened again by another daemon: the probe is to be asked for.
    breaker.adopt(0.0, 2, 2.0)
    assert (breaker.width(2.0), breaker.may_ask(2.0)) == (0, True)


def test_a_probe_that_may_be_another_daemons_by_now_lets_nothing_more_work_here() -> None:
    breaker = probing()
    assert [breaker.width(now) for now in (1.0 + PROBE - 0.1, 1.0 + PROBE)] == [1, 0]
    assert breaker.may_ask(1.0 + PROBE)


def test_a_probe_that_fails_late_is_told_all_the_same() -> None:
    breaker = probing()
    breaker.fault(60.0, MIDDLE)
    assert (breaker.news, breaker.wait(60.0)) == (News.FAILED, 2 * FIRST_WAIT)


def test_stragglers_of_the_time_before_change_nothing() -> None:
    breaker = opened()
    for now in (0.5, 99.0):
        assert not breaker.fault(now, MIDDLE)
    assert (breaker.wait(0.5), breaker.news) == (0.5, None)


def test_each_failed_probe_doubles_the_wait_up_to_forty_seconds() -> None:
    breaker = opened()
    now, waits = 0.0, []
    for _ in range(40):
        now += breaker.wait(now)
        breaker.take_probe(now)
        assert not breaker.fault(now, MIDDLE)
        assert (breaker.news, breaker.width(now + 99)) == (News.FAILED, 0)
        waits.append(breaker.wait(now))
    assert waits[:6] == pytest.approx([2.0, 4.0, 8.0, 16.0, 32.0, 40.0])
    assert waits[-1] == pytest.approx(LONGEST_WAIT)


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_a_relay_that_is_back_is_noticed_within_fifty_seconds(failures: int, chance: float) -> None:
    breaker = Breaker(1)
    plain = min(FIRST_WAIT * 2.0**failures, LONGEST_WAIT)
    breaker.adopt(0.0, failures, 0.0)
    breaker.take_probe(0.0)
    breaker.fault(0.0, chance)
    assert 0.75 * plain <= breaker.wait(0.0) <= 1.25 * plain <= 50.0


def test_a_judged_probe_closes_it_for_all_and_the_width_grows_from_one() -> None:
    breaker = probing(6)
    assert breaker.judged()
    assert breaker.news is News.CLOSED
    widths = [breaker.width(2.0)]
    for _ in range(4):
        assert not breaker.judged()
        widths.append(breaker.width(2.0))
    assert widths == [1, 2, 4, 6, 6]


def test_a_straggler_that_was_judged_closes_it_too() -> None:
    breaker = opened()
    assert breaker.judged()
    assert (breaker.is_open, breaker.news) == (False, News.CLOSED)


def test_a_fault_in_the_slow_start_opens_it_again_with_a_longer_wait() -> None:
    breaker = probing()
    breaker.judged()
    assert breaker.fault(5.0, MIDDLE)
    assert (breaker.wait(5.0), breaker.news) == (2 * FIRST_WAIT, News.OPENED)


def test_a_full_recovery_forgets_the_waits_of_before_once() -> None:
    breaker = probing(2)
    for _ in range(2):
        breaker.judged()
    breaker.news = None
    breaker.judged()
    told = [breaker.news]
    breaker.news = None
    breaker.judged()
    assert ([*told, breaker.news], breaker.waits) == ([News.RECOVERED, None], 0)


def test_others_are_told_that_it_is_closed_before_that_it_has_recovered() -> None:
    breaker = probing(1)
    for _ in range(5):
        breaker.judged()
    assert breaker.news is News.CLOSED


def test_what_others_have_opened_is_open_here_for_as_long() -> None:
    breaker = Breaker(4)
    assert breaker.adopt(30.0, 6, 100.0)
    assert (breaker.width(100.0), breaker.wait(100.0), breaker.waits, breaker.news) == (0, 30.0, 6, None)
    assert not breaker.adopt(-3.0, 6, 140.0)
    assert breaker.may_ask(140.0)


def test_what_others_have_closed_begins_slowly_here_too() -> None:
    breaker = Breaker(4)
    breaker.adopt(30.0, 6, 100.0)
    assert breaker.adopt(None, 6, 110.0)
    assert [breaker.width(110.0), breaker.judged(), breaker.width(110.0)] == [1, False, 2]


def test_a_closed_one_stays_as_it_is_where_all_are_closed() -> None:
    breaker = Breaker(4)
    assert not breaker.adopt(None, 0, 0.0)
    assert breaker.width(0.0) == 4


def test_who_begins_later_forgets_for_all_how_often_it_had_opened() -> None:
    breaker = Breaker(2)
    breaker.adopt(None, 5, 0.0)
    breaker.judged()
    assert (breaker.news, breaker.waits) == (News.RECOVERED, 0)


def test_who_begins_later_waits_as_long_as_the_others_where_it_is_down_still() -> None:
    breaker = Breaker(1)
    breaker.adopt(None, 2, 0.0)
    breaker.fault(0.0, MIDDLE)
    assert breaker.wait(0.0) == 4 * FIRST_WAIT


def test_who_alone_cannot_reach_the_relay_stops_nobody_else() -> None:
    breaker = refuted()
    assert breaker.fault(5.0, MIDDLE)
    assert (breaker.news, breaker.width(5.0)) == (None, 0)
    assert not breaker.adopt(None, 1, 5.1)
    now = 5.0 + breaker.wait(5.0)
    assert (breaker.width(now), breaker.may_ask(now)) == (1, False)
    assert not breaker.fault(now, MIDDLE)
    assert (breaker.news, breaker.wait(now)) == (None, 4 * FIRST_WAIT)


def test_who_was_alone_is_so_no_more_when_all_open_or_a_mail_is_judged() -> None:
    together = refuted()
    together.fault(5.0, MIDDLE)
    together.adopt(30.0, 3, 6.0)
    assert (together.wait(6.0), together.width(99.0), together.may_ask(99.0)) == (30.0, 0, True)
    again = refuted()
    again.judged()
    again.fault(5.0, MIDDLE)
    again.fault(5.0, MIDDLE)
    assert again.news is News.OPENED


def test_who_has_not_opened_it_for_the_others_is_not_refuted_when_they_close_it() -> None:
    came_late = opened(1)
    judged_meanwhile = opened(1)
    judged_meanwhile.judged()
    judged_meanwhile.opened_for_all()
    judged_meanwhile.adopt(30.0, 2, 0.0)
    for breaker in (came_late, judged_meanwhile):
        breaker.adopt(None, 2, 1.0)
        breaker.news = None
        assert breaker.fault(2.0, MIDDLE)
        assert breaker.news is News.OPENED


def test_who_learnt_from_others_that_it_was_open_is_not_refuted_when_they_close_it() -> None:
    breaker = Breaker(1)
    breaker.adopt(30.0, 1, 0.0)
    breaker.adopt(None, 1, 1.0)
    assert breaker.fault(2.0, MIDDLE)
    assert breaker.news is News.OPENED
