"""The table of requests is whole, and asks nothing that a state does not allow."""

import pytest

from outbox.mail.request import GOALS, REQUESTS, Effect, Given, Request, effect
from outbox.mail.status import FINAL, Status, Wish

ALL = [
    (request, status, found)
    for request, states in REQUESTS.items()
    for status, usual in states.items()
    for found in (usual, *usual.but.values())
]


def test_every_request_has_one_effect_in_every_state_and_a_goal() -> None:
    assert {request: set(Status) for request in Request} == {
        request: set(states) for request, states in REQUESTS.items()
    }
    assert set(Request) == set(GOALS)


@pytest.mark.parametrize(("request_", "found"), [(request, found) for request, _, found in ALL])
def test_an_effect_is_one_thing_and_told(request_: Request, found: Effect) -> None:
    assert found.says
    does = [found.target is not None, found.wish is not None, found.withdraws]
    assert (sum(does), found.changes) in [(0, False), (1, True)]
    # What is not brought to the goal is at most left in doubt.
    assert found.target in {None, GOALS[request_], Status.IN_DOUBT}


def test_what_is_being_sent_can_only_be_wished_for_and_nothing_else_can() -> None:
    wishes = {(request, status, found.wish) for request, status, found in ALL if found.wish}
    assert wishes == {
        (Request.CANCEL, Status.SENDING, Wish.CANCEL),
        (Request.HOLD, Status.SENDING, Wish.HOLD),
    }
    assert [request for request, status, found in ALL if status is Status.SENDING and found.target] == []


def test_only_of_what_is_being_sent_a_wish_is_withdrawn_and_only_where_there_is_one() -> None:
    states = {
        (request, status, given)
        for request, state in REQUESTS.items()
        for status, usual in state.items()
        for given, found in ((None, usual), *usual.but.items())
        if found.withdraws
    }
    assert states == {
        (Request.RELEASE, Status.SENDING, Given.WISHED),
        (Request.RETRY, Status.SENDING, Given.WISHED),
    }


def test_of_what_has_ended_only_the_failed_come_back() -> None:
    assert {status for _, status, found in ALL if found.changes} & FINAL == {Status.FAILED}


def test_the_first_thing_that_is_given_counts() -> None:
    retried = REQUESTS[Request.RETRY][Status.PENDING]
    for given, expected in (
        (set(), retried),
        ({Given.DOUBTFUL}, retried),
        ({Given.FRESH}, retried.but[Given.FRESH]),
        ({Given.FRESH, Given.SCHEDULED}, retried.but[Given.SCHEDULED]),
    ):
        assert expected is effect(Request.RETRY, Status.PENDING, given)
