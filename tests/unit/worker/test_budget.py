"""Each desk has an even part of the memory, and one at a time a mail that is larger than that."""

from uuid import UUID

from outbox.worker.budget import BODIES, Budget
from tests.unit.worker.held import claim
from tests.unit.worker.supplied import Scene


def test_the_parts_of_all_desks_are_the_whole_memory() -> None:
    assert [Budget(desks).part * desks for desks in (1, 2, 4)] == [BODIES] * 3


def test_one_desk_at_a_time_holds_a_mail_that_is_larger_than_its_part() -> None:
    budget, (one, other) = Budget(2), (object(), object())
    budget.loaded(one, budget.part)
    assert budget.may_exceed(other)
    budget.loaded(one, budget.part + 1)
    assert (budget.may_exceed(one), budget.may_exceed(other)) == (True, False)
    budget.loaded(other, 1)
    assert not budget.may_exceed(other)
    budget.loaded(one, 0)
    assert budget.may_exceed(other)


def test_fault_77_two_desks_together_load_no_more_than_the_memory_and_one_large_mail() -> None:
    budget = Budget(2)
    first, second = Scene(budget=budget), Scene(budget=budget)
    for scene in (first, second):
        scene.queue.claims = [claim(n, message_id=UUID(int=n), size=BODIES // 8) for n in range(1, 9)]
        scene.claim()
    loaded = [len(scene.load()) for scene in (first, second)]
    assert loaded == [4, 4]


def test_fault_77_a_large_mail_waits_for_another_desk_s_and_keeps_no_small_one_there() -> None:
    budget = Budget(2)
    first, second = (
        Scene(claim(1, message_id=UUID(int=1), size=BODIES), claim(2, message_id=UUID(int=2)), budget=budget)
        for _ in range(2)
    )
    for scene in (first, second):
        scene.claim()
    (large,) = first.load()
    assert second.load() == []
    first.supply.sent(large)
    assert [parcel.size for parcel in second.load()] == [BODIES]
