"""A relay that fails is left alone, then probed by one connection, then taken up slowly."""

import pytest

from outbox.delivery.breaker import FIRST_WAIT, LONGEST_WAIT, Breaker

MIDDLE = 0.5
"""The chance that spreads a wait by nothing."""


def opened(connections: int = 4) -> Breaker:
    breaker = Breaker(connections)
    for _ in range(connections):
        breaker.fault(0.0, MIDDLE)
    return breaker


def test_a_new_breaker_lets_all_connections_work() -> None:
    breaker = Breaker(4)
    assert (breaker.is_open, breaker.width(0.0), breaker.wait(0.0)) == (False, 4, 0.0)


def test_it_opens_after_as_many_faults_in_a_row_as_there_are_connections() -> None:
    breaker = Breaker(4)
    assert [breaker.fault(10.0, MIDDLE) for _ in range(4)] == [False, False, False, True]
    assert (breaker.is_open, breaker.width(10.0), breaker.wait(10.0)) == (True, 0, FIRST_WAIT)


def test_a_judged_mail_in_between_breaks_the_row() -> None:
    breaker = Breaker(2)
    for _ in range(5):
        assert not breaker.fault(0.0, MIDDLE)
        assert not breaker.judged()
    assert not breaker.is_open


def test_while_it_is_open_nothing_works_and_after_the_wait_one_connection_does() -> None:
    breaker = opened()
    assert [breaker.width(now) for now in (0.0, 0.99, 1.0, 99.0)] == [0, 0, 1, 1]
    assert [breaker.wait(now) for now in (0.0, 0.75, 99.0)] == [1.0, 0.25, 0.0]


def test_stragglers_of_the_time_before_change_nothing() -> None:
    breaker = opened()
    assert not breaker.fault(0.5, MIDDLE)
    assert breaker.wait(0.5) == 0.5


def test_each_failed_probe_doubles_the_wait_up_to_five_minutes() -> None:
    breaker = opened()
    now, waits = 0.0, []
    for _ in range(40):
        now += breaker.wait(now)
        assert not breaker.fault(now, MIDDLE)
        waits.append(breaker.wait(now))
    assert waits[:4] == pytest.approx([2.0, 4.0, 8.0, 16.0])
    assert waits[-1] == pytest.approx(LONGEST_WAIT)


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_chance_spreads_a_wait_by_a_quarter(chance: float, wait: float) -> None:
    breaker = Breaker(1)
    assert breaker.fault(0.0, chance)
    assert wait == breaker.wait(0.0)


def test_a_judged_probe_closes_it_and_the_width_grows_from_one() -> None:
    breaker = opened(6)
    assert breaker.judged()
    widths = [breaker.width(2.0)]
    for _ in range(4):
        assert not breaker.judged()
        widths.append(breaker.width(2.0))
    assert widths == [1, 2, 4, 6, 6]


def test_a_fault_in_the_slow_start_opens_it_again_with_a_longer_wait() -> None:
    breaker = opened()
    breaker.judged()
    assert breaker.fault(5.0, MIDDLE)
    assert breaker.wait(5.0) == 2 * FIRST_WAIT


def test_a_full_recovery_forgets_the_waits_of_before() -> None:
    breaker = opened(2)
    for _ in range(3):
        breaker.judged()
    for _ in range(2):
        breaker.fault(9.0, MIDDLE)
    assert breaker.wait(9.0) == FIRST_WAIT
