"""A relay that breaks its promises is met more carefully, and says so once."""

import pytest

from outbox.delivery.limits import MOST_RECIPIENTS, Limits
from outbox.delivery.relay import Pipelining


def watched(most: Pipelining = Pipelining.AUTO) -> tuple[Limits, list[str]]:
    """Return limits, and what they say that they have learnt."""
    limits, said = Limits(most), list[str]()
    limits.changed = said.append
    return limits, said


def known(limits: Limits) -> tuple[Pipelining, int, bool]:
    """Return all that connections go by."""
    return limits.pipelining, limits.recipients, limits.data_apart


def test_one_connection_tries_chained_input_before_all_do() -> None:
    limits, _ = watched()
    assert limits.may_chain
    limits.tries(object())
    assert not limits.may_chain
    limits.chain_answered()
    assert limits.may_chain
    limits.tries(object())
    assert limits.may_chain


def test_another_connection_tries_when_the_first_has_ended() -> None:
    limits, _ = watched()
    first, second = object(), object()
    limits.tries(first)
    limits.ended(second)
    assert not limits.may_chain
    limits.ended(first)
    assert limits.may_chain


@pytest.mark.parametrize("most", [Pipelining.MAIL, Pipelining.OFF])
def test_nobody_chains_where_a_person_forbids_it(most: Pipelining) -> None:
    assert not watched(most)[0].may_chain


def test_a_downgrade_is_told_once_and_never_goes_back_by_itself() -> None:
    limits, said = watched()
    limits.chain_failed("it hung")
    limits.chain_failed("it hung")
    assert known(limits)[0] == Pipelining.MAIL
    limits.pipelining_failed("it hung again")
    limits.chain_failed("it hung")
    assert known(limits)[0] == Pipelining.OFF
    assert said == ["it hung: pipelining is now mail", "it hung again: pipelining is now off"]


def test_what_is_remembered_takes_the_place_of_what_was_learnt() -> None:
    limits, said = watched(Pipelining.MAIL)
    limits.recall(Pipelining.OFF, 10, data_apart=True)
    assert known(limits) == (Pipelining.OFF, 10, True)
    limits.recall(None, None, data_apart=False)
    assert known(limits) == (Pipelining.MAIL, MOST_RECIPIENTS, False)
    assert said == []


def test_chained_input_must_prove_itself_again_after_a_failure_or_what_others_met() -> None:
    limits, _ = watched()
    limits.chain_answered()
    limits.chain_failed("it hung")
    assert not limits.proven
    limits.chain_answered()
    limits.recall(Pipelining.MAIL, None, data_apart=False)
    assert limits.proven
    limits.recall(None, None, data_apart=False)
    assert (limits.proven, limits.may_chain) == (False, True)


def test_data_waits_after_the_third_go_ahead_for_nobody() -> None:
    limits, said = watched()
    for expected in (False, False, True, True):
        limits.unwanted_go_ahead()
        assert expected == limits.data_apart
    assert len(said) == 1


def test_the_smallest_known_number_of_recipients_holds() -> None:
    limits, said = watched()
    limits.announced(100)
    assert limits.recipients == MOST_RECIPIENTS
    limits.announced(20)
    assert limits.recipients == 20
    limits.too_many_recipients(30)
    assert said == []
    limits.too_many_recipients(10)
    assert limits.recipients == 10
    limits.announced(None)
    assert limits.recipients == 10
    assert said == ["it takes 10 recipients in one transaction"]
