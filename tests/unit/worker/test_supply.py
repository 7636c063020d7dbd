"""The daemon knows what it holds, keeps its bodies within bounds, and asks after an answer that was lost."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from outbox.mail.diversion import Diversion
from outbox.mail.objection import suppressed
from outbox.mail.status import Lane, Reason
from outbox.store.moves import Claim
from outbox.worker.budget import BODIES, Budget
from outbox.worker.holdings import SWEEP
from outbox.worker.supply import Claimed, Supply
from tests.unit.worker.held import NoThreads, claim, lease, message, run, settlement
from tests.unit.worker.supplied import Scene, mails


def test_what_is_claimed_is_held_until_its_verdict_is_written() -> None:
    scene = Scene(*mails(3))
    assert (scene.claim(), len(scene.holdings)) == (3, 3)
    for parcel in scene.load():
        scene.supply.sent(parcel)
    assert len(scene.holdings) == 3
    scene.holdings.written([settlement(1), settlement(2)])
    assert len(scene.holdings) == 1


class Unlike(Claim):
    """A claim that nobody may compare: one of two hundred with all others is what costs most of a claim."""

    __hash__ = Claim.__hash__

    def __eq__(self, _other: object) -> bool:
        raise AssertionError("two claims were compared")


def test_a_claim_is_known_by_its_delivery_and_compared_with_no_other() -> None:
    scene = Scene(*(Unlike(*(getattr(one, field.name) for field in fields(one))) for one in mails(3)))
    assert (scene.claim(), len(scene.holdings), len(scene.load())) == (3, 3, 3)


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


def test_bodies_that_could_not_be_read_are_read_later_in_the_same_order() -> None:
    scene = Scene(*mails(3))
    scene.claim()
    scene.queue.failing = True
    with pytest.raises(OperationalError):
        scene.load()
    scene.queue.failing = False
    assert [parcel.message_id.int for parcel in scene.load()] == [1, 2, 3]


def test_fault_31_what_a_server_has_that_nobody_has_looked_at_waits_and_nothing_is_in_doubt() -> None:
    scene = Scene(*mails(1))
    scene.queue.unmet = True
    assert run(scene.supply.claim(scene.lease, 9, 0.0)) == Claimed(0, unmet=True)
    assert not scene.holdings.must_sweep(0.0)
    # Nor is anything given back there.
    scene.holdings.doubt()
    assert run(scene.supply.claim(scene.lease, 9, 0.0)) == Claimed(0, unmet=True)
    scene.queue.unmet = False
    assert scene.claim() == 1
    assert scene.queue.asked == [("release", [])]


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
    assert scene.supply.waiting == 0
    assert len(scene.holdings) == 5  # until their release is written
    scene.queue.claims = [
        replace(each, delivery_id=each.delivery_id + 9) for each in mails(2, size=BODIES // 4)
    ]
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
    assert len(scene.holdings) == 2
    assert [parcel.message_id.int for parcel in scene.load()] == [3, 4]


def test_a_release_that_is_known_late_does_not_free_the_same_delivery_claimed_again() -> None:
    scene = Scene(claim(1, fence=1))
    scene.claim()
    scene.supply.sent(*scene.load())
    scene.queue.claims = [claim(1, fence=2)]
    scene.claim()
    scene.holdings.written([settlement(1)])  # of fence 1
    assert len(scene.holdings) == 1


def test_what_is_claimed_or_loaded_under_a_lease_that_was_lost_meanwhile_never_reaches_the_tray() -> None:
    scene = Scene(*mails(4))
    scene.claim(2)
    scene.lease.lost = True
    assert (scene.claim(2), scene.load(), len(scene.holdings)) == (2, [], 0)
    assert not scene.supply.can_load


def test_fault_17_claims_that_nobody_here_knows_are_looked_for_each_minute() -> None:
    scene = Scene(*mails(5))
    seen = []
    for now in (SWEEP, SWEEP + 1, 2 * SWEEP - 1, 2 * SWEEP, 2 * SWEEP + 1):
        scene.claim(1, now)
        seen.append(len(scene.queue.asked))
    assert seen == [1, 1, 1, 2, 2]
    assert scene.queue.asked == [("release", []), ("release", [1, 2, 3])]


def test_fault_17_after_an_unsure_claim_they_are_looked_for_at_once_and_until_it_succeeds() -> None:
    scene = Scene(*mails(1))
    scene.claim(1, SWEEP)
    scene.queue.failing = True
    for _ in range(2):
        with pytest.raises(OperationalError):
            scene.claim(1, SWEEP + 1)
    scene.queue.failing = False
    for _ in range(2):
        scene.claim(1, SWEEP + 2)
    assert scene.queue.asked == [("release", []), ("release", [1])]


def test_what_waits_for_its_body_its_sender_or_its_verdict_is_never_taken_for_unknown() -> None:
    scene = Scene(*mails(3))
    scene.claim(1)
    scene.supply.sent(*scene.load())  # and the database refuses its verdict for ever: no word comes
    scene.claim(1)
    run(scene.supply.load())
    scene.claim(1)
    scene.supply.give_up()
    scene.claim(1, SWEEP)
    assert scene.queue.asked[-1] == ("release", [1, 2, 3])


def test_a_claim_whose_verdict_is_refused_is_ours_until_it_is_written_but_nothing_waits_for_it() -> None:
    scene = Scene(claim(1, lane=Lane.ALONE), claim(2))
    scene.claim()
    scene.holdings.refused(settlement(1))
    scene.holdings.refused(settlement(2))
    assert (len(scene.holdings), scene.holdings.alone) == (0, False)
    run(scene.holdings.release_unknown(scene.lease))
    assert ("release", [1, 2]) in scene.queue.asked
    scene.holdings.written([settlement(1), replace(settlement(2), fence=2)])
    run(scene.holdings.release_unknown(scene.lease))
    assert scene.queue.asked[-1] == ("release", [2])


def test_what_this_process_still_sends_under_a_lost_claim_is_not_taken_again() -> None:
    scene = Scene(claim(1, fence=1), claim(1, fence=2, lane=Lane.ALONE), claim(2))
    scene.claim(1)
    (first,) = scene.load()
    scene.lease.lost = True
    scene.lease = lease()
    assert scene.claim() == 2
    assert [each.delivery_id for each in scene.twice] == [1]
    assert not scene.holdings.alone
    assert [each.claims[0].delivery_id for each in scene.load()] == [2]
    scene.holdings.written([replace(settlement(1), fence=2)])  # it was given back
    assert len(scene.holdings) == 2
    scene.supply.sent(first)
    scene.holdings.written([settlement(1)])
    assert len(scene.holdings) == 1


def test_what_was_claimed_for_a_session_that_was_lost_meanwhile_is_given_back_unbegun() -> None:
    scene = Scene(*mails(2))
    scene.lease.lost = True
    assert scene.claim() == 2
    assert ("release", []) in scene.queue.asked


def test_what_is_objected_to_is_not_sent_and_the_rest_is() -> None:
    scene = Scene(*mails(3))
    objection = suppressed("she asked")
    scene.queue.claims[1] = replace(scene.queue.claims[1], objection=objection)
    assert scene.claim() == 3
    assert [(each.delivery_id, each.objection) for each in scene.twice] == [(2, objection)]
    assert [each.claims[0].delivery_id for each in scene.load()] == [1, 3]
    # It is ours until its end is written, but nothing that is about to be sent.
    assert len(scene.holdings) == 3
    scene.claim(1)
    assert set(scene.queue.wanted["in_hand"]) == {1, 3}
    scene.holdings.written([settlement(2)])
    assert len(scene.holdings) == 2


def test_mail_is_diverted_and_what_may_not_be_written_to_is_kept() -> None:
    scene = Scene(*mails(2))
    scene.queue.claims[0] = replace(scene.queue.claims[0], recipient="tester@staging.example")
    scene.divert(Diversion("qa@staging.example", frozenset({"staging.example"})))
    scene.claim()
    assert [each.claims[0].diverted for each in scene.load()] == [None, "qa@staging.example"]
    scene = Scene(*mails(1))
    scene.divert(Diversion(None, frozenset({"staging.example"})))
    scene.claim()
    (kept,) = scene.twice
    assert kept.objection is not None
    assert (kept.objection.reason, scene.load()) == (Reason.NOT_ALLOWED, [])


def test_a_claim_knows_what_is_in_hand_and_asks_for_no_more_retries_than_half() -> None:
    put_off = [replace(each, lane=Lane.RETRY) for each in mails(3)]
    scene = Scene(*put_off)
    assert scene.supply.retries_room(9) == 5
    scene.claim()
    assert (scene.queue.wanted["retries"], scene.queue.wanted["in_hand"]) == (50, {})
    assert scene.supply.retries_room(9) == 2
    scene.claim(9)
    assert (scene.queue.wanted["retries"], set(scene.queue.wanted["in_hand"])) == (2, {1, 2, 3})
    # Retries that only wait here are no reason to claim nothing else, once they are on the tray.
    assert not scene.supply.has_room(2)
    run(scene.supply.load())
    assert scene.supply.has_room(0)
    assert scene.supply.retries_room(9) == 2


def test_a_claim_that_stays_with_another_relay_is_held_and_left_to_that() -> None:
    here, there = Scene(*mails(3)), Scene()
    there.holdings = here.holdings
    queue: Any = here.queue
    threads: Any = NoThreads()
    here.supply = Supply(
        queue,
        threads,
        here.holdings,
        Budget(),
        here.tray,
        lambda _: 50,
        strays=lambda claim: claim.delivery_id == 2,
    )
    claimed = run(here.supply.claim(here.lease, 99, 0.0))
    assert ([one.delivery_id for one in claimed.strays], claimed.kept, claimed.count) == ([2], [], 3)
    assert [parcel.claims[0].delivery_id for parcel in here.load()] == [1, 3]
    assert len(here.holdings) == 3
    there.supply.take(claimed.strays, here.lease, 0.0)
    there.queue.sizes = here.queue.sizes
    assert [parcel.claims[0].delivery_id for parcel in there.load()] == [2]
