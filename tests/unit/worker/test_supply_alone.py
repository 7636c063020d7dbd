"""Of the rescued deliveries one is in hand at a time, and it is given once the database knows of it."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from outbox.worker.budget import BODIES
from tests.unit.worker.held import claim, rescued, run, settlement
from tests.unit.worker.supplied import Scene, mails


def test_fault_78_one_rescued_delivery_is_in_hand_at_a_time_until_its_verdict_is_written() -> None:
    scene = Scene(rescued(1), claim(2))
    assert not scene.holdings.alone
    scene.claim()
    scene.claim()
    scene.holdings.written([settlement(2)])
    assert scene.holdings.alone
    scene.claim()
    scene.holdings.written([settlement(1)])
    assert not scene.holdings.alone
    scene.claim()
    assert scene.queue.alone == [True, False, False, True]


def test_a_rescued_delivery_that_a_lost_lease_held_is_in_hand_no_more() -> None:
    scene = Scene(rescued(1))
    scene.claim()
    scene.supply.drop(scene.lease)
    assert (scene.holdings.alone, len(scene.holdings)) == (False, 0)


def test_a_rescued_delivery_that_is_under_way_stays_in_hand_when_its_lease_is_lost() -> None:
    scene = Scene(rescued(1))
    run(scene.supply.announce(scene.want()))
    assert len(scene.taken()) == 1
    scene.supply.drop(scene.lease)
    assert scene.holdings.alone
    scene.holdings.written([settlement(1)])
    assert not scene.holdings.alone


def test_the_late_verdict_of_a_claim_before_does_not_let_a_second_rescued_delivery_in() -> None:
    scene = Scene(rescued(1, fence=2))
    scene.claim()
    scene.holdings.written([settlement(1)])  # of fence 1
    assert scene.holdings.alone


def test_an_announced_delivery_is_given_and_the_senders_who_waited_for_it_are_woken() -> None:
    scene = Scene(rescued(1))
    suspect = scene.want()

    async def work() -> None:
        waiting = asyncio.create_task(scene.tray.changed())
        await asyncio.sleep(0)
        await scene.supply.announce(suspect)
        await waiting

    run(work())
    assert scene.taken() == [suspect]
    assert scene.holdings.alone


def test_a_delivery_that_is_not_held_any_more_is_not_sent_and_frees_its_place_and_its_memory() -> None:
    scene = Scene(rescued(1, size=BODIES))
    suspect = scene.want()
    scene.queue.lost = {1}
    run(scene.supply.announce(suspect))
    assert scene.taken() == []
    assert (len(scene.holdings), scene.holdings.alone, suspect.message) == (0, False, None)
    scene.queue.claims = mails(1)
    scene.claim()
    assert scene.supply.can_load


def test_what_was_given_back_while_its_announcement_was_written_is_not_forgotten_twice() -> None:
    scene = Scene(rescued(1, size=BODIES), *mails(2, size=BODIES))
    suspect = scene.want()
    scene.queue.lost = {1}

    async def work() -> None:
        announcing = asyncio.create_task(scene.supply.announce(suspect))
        await asyncio.sleep(0)
        assert suspect in scene.supply.give_up()
        await announcing

    run(work())
    assert scene.holdings.alone  # until its release is written
    scene.queue.claims = mails(3, size=BODIES // 2)
    scene.claim()
    assert len(scene.load()) == 2  # its memory was freed once


def test_an_announcement_that_could_not_be_written_is_still_wanted() -> None:
    scene = Scene(rescued(1))
    suspect = scene.want()
    scene.queue.failing = True
    with pytest.raises(OperationalError):
        run(scene.supply.announce(suspect))
    assert scene.tray.wanted is suspect
