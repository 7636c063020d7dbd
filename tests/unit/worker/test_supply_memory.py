"""Bodies take no more memory than there is for them, and small mail does not wait for large mail's."""

from dataclasses import replace
from uuid import UUID

import pytest

from outbox.mail.status import Lane
from outbox.store.moves import Claim
from outbox.worker.budget import BODIES
from outbox.worker.supply import PORTION
from tests.unit.worker.held import claim, run
from tests.unit.worker.supplied import Scene, mails


def sized(*sizes: int) -> list[Claim]:
    """Return a claim for each size in bytes, numbered from 1."""
    return [claim(n, message_id=UUID(int=n), size=size) for n, size in enumerate(sizes, start=1)]


def test_bodies_stay_within_their_bound_and_the_next_ones_wait_for_it() -> None:
    scene = Scene(*mails(4, size=BODIES // 2))
    scene.claim()
    first = scene.load()
    assert [parcel.message_id.int for parcel in first] == [1, 2]
    assert (scene.supply.can_load, scene.supply.waiting) == (False, 2)
    scene.supply.sent(first[0])
    assert scene.supply.can_load
    assert first[0].message is None
    assert [parcel.message_id.int for parcel in scene.load()] == [3]


def test_a_mail_larger_than_the_bound_is_sent_alone() -> None:
    scene = Scene(*mails(2, size=2 * BODIES))
    scene.claim()
    (first,) = scene.load()
    assert not scene.supply.can_load
    scene.supply.sent(first)
    assert len(scene.load()) == 1


def test_fault_77_a_large_mail_is_not_read_beside_what_leaves_no_room_for_it() -> None:
    scene = Scene(*sized(1000, BODIES))
    scene.claim()
    (small,) = scene.load()
    scene.supply.sent(small)
    assert [parcel.size for parcel in scene.load()] == [BODIES]


def test_fault_77_small_mail_passes_large_mail_that_waits_for_memory() -> None:
    third = BODIES // 3
    scene = Scene(*sized(third, 1000, third, third, third, 1000, third, 1000))
    scene.claim()
    first = scene.load()
    assert sorted(parcel.message_id.int for parcel in first) == [1, 2, 3, 6, 8]
    assert scene.supply.waiting == 3
    for parcel in first:
        scene.supply.sent(parcel)
    assert [parcel.message_id.int for parcel in scene.load()] == [4, 5, 7]


def test_fault_77_a_large_mail_has_its_turn_before_small_ones_behind_it_when_there_is_room() -> None:
    scene = Scene(*sized(PORTION + 1, 1000, 1000))
    scene.claim()
    assert [parcel.message_id.int for parcel in scene.load()] == [1, 2, 3]


def test_fault_77_one_answer_of_the_database_holds_a_portion_or_one_mail() -> None:
    scene = Scene(*sized(PORTION // 2, PORTION // 2, 1, 3 * PORTION, 1, PORTION))
    scene.claim()
    scene.load()
    assert [[id_.int for id_ in ids] for ids in scene.queue.asked] == [[1, 2], [3, 5], [4], [6]]


def test_what_passes_and_what_waits_is_all_given_back() -> None:
    scene = Scene(*sized(BODIES, BODIES, 1000))
    scene.claim()
    run(scene.supply.load())
    assert sorted(parcel.message_id.int for parcel in scene.supply.give_up()) == [1, 2, 3]
    assert (scene.supply.waiting, scene.tray.ready) == (0, 0)
    scene.queue.claims = mails(1, size=BODIES)
    scene.claim()
    assert scene.supply.can_load


def test_a_mail_larger_than_all_memory_is_not_passed_for_ever() -> None:
    scene = Scene(claim(1, size=1000), claim(2, message_id=UUID(int=2), size=BODIES + 1))
    scene.claim()
    small = scene.load()
    assert [parcel.claims[0].delivery_id for parcel in small] == [1]
    scene.queue.claims = [claim(3, message_id=UUID(int=3), size=1000)]
    scene.claim()
    assert not scene.supply.can_load
    scene.supply.sent(*small)
    (large,) = scene.load()
    assert large.claims[0].delivery_id == 2


def test_fault_77_a_mail_that_waits_for_memory_is_passed_by_no_more_than_all_memory_holds() -> None:
    half = BODIES // 2
    scene = Scene(*sized(half + 1, half + 2, *[half - 1] * 5))
    scene.claim()
    loaded, order = scene.load(), [1, 3]
    while loaded:
        # One after the other ends, so that there is never room for the second.
        scene.supply.sent(loaded.pop(0))
        new = scene.load()
        order += [parcel.message_id.int for parcel in new]
        loaded += new
    assert order == [1, 3, 4, 5, 2, 6, 7]


@pytest.mark.parametrize(
    ("said", "size", "fits"), [(0, BODIES, False), (-BODIES, BODIES, False), (2 * BODIES, 1000, True)]
)
def test_a_body_counts_with_its_own_length_whatever_its_row_says(said: int, size: int, *, fits: bool) -> None:
    scene = Scene(claim(1, message_id=UUID(int=1), size=said))
    scene.claim()
    scene.queue.sizes = {UUID(int=1): size}
    (first,) = scene.load()
    assert first.size == size
    scene.queue.claims = [claim(2, message_id=UUID(int=2), size=1000)]
    scene.claim()
    assert fits == scene.supply.can_load
    scene.supply.sent(first)
    assert [parcel.size for parcel in scene.load()] == [1000]


def test_retries_that_wait_leave_half_of_the_memory_to_fresh_mail() -> None:
    size = BODIES // 8
    put_off = [replace(each, lane=Lane.RETRY) for each in mails(8, size=size)]
    fresh = [claim(20 + n, message_id=UUID(int=20 + n), size=1000) for n in range(4)]
    scene = Scene(*put_off, *fresh)
    scene.claim()
    while scene.supply.can_load:
        run(scene.supply.load())
    assert (scene.tray.retries, scene.tray.ready) == (4, 8)
    assert scene.supply.waiting == 4


def test_a_retry_larger_than_that_is_loaded_when_nothing_else_is() -> None:
    scene = Scene(*[replace(each, lane=Lane.RETRY) for each in mails(2, size=BODIES)])
    scene.claim()
    run(scene.supply.load())
    assert (scene.tray.retries, scene.supply.can_load) == (1, False)
