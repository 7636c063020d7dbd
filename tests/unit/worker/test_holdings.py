"""Of what is in hand a daemon can say which claims its database must know."""

from types import SimpleNamespace
from typing import Any

from outbox.store.batches import FEW
from outbox.worker.clearance import Clearance
from outbox.worker.holdings import Holdings
from tests.unit.worker.held import claim, lease, parcel, settlement

NOBODY: Any = None


def test_the_database_must_know_what_is_in_hand() -> None:
    it = Holdings(NOBODY, NOBODY)
    first, second, again = claim(1), claim(2, n=1, fence=4), claim(2, n=1, fence=5)
    it.add([first, second])
    assert it.claimed == [first, second]
    it.written([settlement(1)])
    assert it.claimed == [second]
    # Given back and claimed again, it is named once.
    it.forget([claim(2, fence=4)])
    it.add([again])
    assert it.claimed == [again]


def test_of_many_claims_the_last_are_named() -> None:
    it = Holdings(NOBODY, NOBODY)
    it.add([claim(each, n=each) for each in range(FEW + 1)])
    assert [one.n for one in it.claimed] == list(range(1, FEW + 1))


def test_what_was_claimed_before_the_database_went_back_it_need_not_know() -> None:
    it = Holdings(NOBODY, NOBODY)
    it.add([claim(1)])
    it.lapse(5.0)
    assert it.claimed == []
    it.add([claim(2, n=2)])
    assert [one.n for one in it.claimed] == [2]


def test_fault_31_no_dot_goes_out_of_what_was_claimed_before_the_database_went_back() -> None:
    holdings = Holdings(NOBODY, NOBODY)
    nothing: Any = SimpleNamespace(forbids=lambda *_: None, is_stalled=lambda: False, leaving=False)
    clearance = Clearance(lease, nothing, nothing, nothing, holdings)
    before, after = parcel(now=4.0), parcel(now=5.0)
    assert clearance.may_dot("mx", before) is None
    holdings.lapse(5.0)
    assert clearance.may_dot("mx", before) == "the database went back in time since this was claimed"
    assert clearance.may_dot("mx", after) is None
