"""The daemon knows what it holds, keeps its bodies within bounds, and asks after an answer that was lost."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox.store.moves import Claim
from outbox.store.queue import Message
from outbox.worker.parcel import Parcel
from outbox.worker.supply import BODIES, Supply
from outbox.worker.tray import Tray
from tests.unit.worker.held import NoThreads, claim, lease, message, run, settlement

GONE = OperationalError("COMMIT", {}, Exception("gone away"))


class Queue:
    """Gives the claims that it was made with, and notes what it is asked."""

    def __init__(self, *claims: Claim) -> None:
        self.claims = list(claims)
        self.failing = False
        self.asked: list[Any] = []

    def claim(self, _holder: UUID, limit: int) -> list[Claim]:
        if self.failing:
            raise GONE
        given, self.claims = self.claims[:limit], self.claims[limit:]
        return given

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        if self.failing:
            raise GONE
        self.asked.append(sorted(ids))
        return {id_: message(id_.int) for id_ in ids if id_.int < 100}

    def release_unknown(self, _holder: UUID, known: Collection[int]) -> int:
        self.asked.append(("release", sorted(known)))
        return 0


class Scene:
    """A supply between a queue and a tray."""

    def __init__(self, *claims: Claim) -> None:
        self.queue = Queue(*claims)
        queue: Any = self.queue
        threads: Any = NoThreads()
        self.tray = Tray(lambda: 99, lambda: None)
        self.supply = Supply(queue, threads, self.tray, lambda: 50)
        self.lease = lease()

    def claim(self, limit: int = 99) -> int:
        return run(self.supply.claim(self.lease, limit, 0.0))

    def load(self) -> list[Parcel]:
        run(self.supply.load())
        return self.taken()

    def taken(self) -> list[Parcel]:
        parcels = []
        while (parcel := self.tray.take()) is not None:
            parcels.append(parcel)
        return parcels


def mails(count: int, size: int = 1000) -> list[Claim]:
    return [claim(n, message_id=UUID(int=n), size=size) for n in range(1, count + 1)]


def test_what_is_claimed_is_held_until_its_verdict_is_written() -> None:
    scene = Scene(*mails(3))
    assert (scene.claim(), scene.supply.holds) == (3, 3)
    for parcel in scene.load():
        scene.supply.sent(parcel)
    assert scene.supply.holds == 3
    scene.supply.written([settlement(1), settlement(2)])
    assert scene.supply.holds == 1


def test_a_parcel_reaches_the_tray_with_its_body_and_in_its_order() -> None:
    scene = Scene(*mails(3))
    assert not scene.supply.can_load
    scene.claim()
    assert scene.supply.can_load
    parcels = scene.load()
    assert [parcel.message_id.int for parcel in parcels] == [1, 2, 3]
    assert [message(n) for n in (1, 2, 3)] == [parcel.message for parcel in parcels]
    assert not scene.supply.can_load


def test_a_message_that_is_gone_reaches_the_tray_without_a_body() -> None:
    scene = Scene(claim(1, message_id=UUID(int=100)))
    scene.claim()
    (parcel,) = scene.load()
    assert parcel.message is None


def test_bodies_stay_within_their_bound_and_the_next_ones_wait_for_it() -> None:
    scene = Scene(*mails(4, size=BODIES // 2))
    scene.claim()
    first = scene.load()
    assert [parcel.message_id.int for parcel in first] == [1, 2]
    assert (scene.supply.can_load, scene.supply.waits_for_memory) == (False, True)
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


def test_bodies_that_could_not_be_read_are_read_later_in_the_same_order() -> None:
    scene = Scene(*mails(3))
    scene.claim()
    scene.queue.failing = True
    with pytest.raises(OperationalError):
        scene.load()
    scene.queue.failing = False
    assert [parcel.message_id.int for parcel in scene.load()] == [1, 2, 3]


def test_after_a_claim_whose_answer_was_lost_what_nobody_knows_of_goes_back_first() -> None:
    scene = Scene(*mails(2))
    scene.claim(1)
    scene.queue.failing = True
    with pytest.raises(OperationalError):
        scene.claim()
    scene.queue.failing = False
    assert scene.claim() == 1
    assert scene.claim() == 0
    assert scene.queue.asked == [("release", [1])]


def test_giving_up_takes_back_what_nobody_has_begun_and_frees_its_memory() -> None:
    scene = Scene(*mails(5, size=BODIES // 2))
    scene.claim()
    run(scene.supply.load())
    under_way = scene.tray.take()
    assert under_way is not None
    assert [parcel.message_id.int for parcel in scene.supply.give_up()] == [2, 3, 4, 5]
    assert not scene.supply.waits_for_memory
    assert scene.supply.holds == 5  # until their release is written
    scene.queue.claims = mails(2, size=BODIES // 4)
    scene.claim()
    assert len(scene.load()) == 2


def test_what_a_lost_lease_held_is_forgotten_and_nothing_else() -> None:
    scene = Scene(*mails(4))
    scene.claim(1)
    run(scene.supply.load())
    scene.claim(1)
    lost, scene.lease = scene.lease, lease()
    scene.claim(2)
    scene.supply.drop(lost)
    assert scene.supply.holds == 2
    assert [parcel.message_id.int for parcel in scene.load()] == [3, 4]


def test_a_release_that_is_known_late_does_not_free_the_same_delivery_claimed_again() -> None:
    scene = Scene(claim(1, fence=1))
    scene.claim()
    scene.queue.claims = [claim(1, fence=2)]
    scene.claim()
    scene.supply.written([settlement(1)])  # of fence 1
    assert scene.supply.holds == 1


def test_what_is_claimed_or_loaded_under_a_lease_that_was_lost_meanwhile_never_reaches_the_tray() -> None:
    scene = Scene(*mails(4))
    scene.claim(2)
    scene.lease.lost = True
    assert (scene.claim(2), scene.load(), scene.supply.holds) == (2, [], 0)
    assert not scene.supply.can_load
