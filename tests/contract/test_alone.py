"""A rescued delivery queues by itself, says so before it is sent, and is held when it kills three times."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select

from outbox.mail.rescue import MOST_CRASHES
from outbox.mail.status import Lane, Move, OnDoubt
from outbox.store.moves import Claim
from outbox.store.schema import SessionState, delivery
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago

ALONE = int(Lane.ALONE)


def announced(scene: Scene, me: UUID, claim: Claim) -> bool | None:
    """Announce the sending of one claim; return what came of it."""
    return scene.queue.announce(me, [claim])[claim.delivery_id]


def die(scene: Scene, *, announce: bool) -> int:
    """Claim as a new session, perhaps announce, and die; return the number of claims."""
    me = scene.start()
    claims = scene.queue.claim(me, 10)
    for claim in claims:
        assert not announce or announced(scene, me, claim)
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == len(claims)
    return len(claims)


def suspect(scene: Scene) -> int:
    """Give a delivery that was rescued once."""
    (id_,) = scene.mail()
    assert die(scene, announce=False) == 1
    row = scene.row(id_)
    assert (row.status, row.lane, row.rescues) == ("pending", ALONE, 1)
    return id_


def claimed(scene: Scene) -> tuple[UUID, Claim]:
    me = scene.start()
    (claim,) = scene.queue.claim(me, 10)
    assert claim.lane is Lane.ALONE
    return me, claim


def test_fault_78_a_claim_has_one_rescued_delivery_at_most_and_all_the_others_beside_it(scene: Scene) -> None:
    rescued = scene.mail(3)
    assert die(scene, announce=False) == 3
    fresh = scene.mail(3)
    first = [claim.delivery_id for claim in scene.queue.claim(scene.start(), 10)]
    # All were due at the same instant: which of them goes first is nobody's matter.
    (one,) = set(first) & set(rescued)
    assert sorted(first) == sorted([one, *fresh])
    assert scene.queue.claim(scene.start(), 10, alone=False) == []
    (other,) = scene.queue.claim(scene.start(), 1)
    assert other.delivery_id in set(rescued) - {one}


def test_a_look_for_the_rescued_is_left_out_while_one_is_in_hand(scene: Scene) -> None:
    suspect(scene)
    assert scene.queue.has_due()
    assert not scene.queue.has_due(alone=False)


def test_fault_78_ten_crashes_before_it_was_announced_count_nothing(scene: Scene) -> None:
    id_ = suspect(scene)
    for _ in range(10):
        assert die(scene, announce=False) == 1
    row = scene.row(id_)
    assert (row.status, row.rescues, row.lane) == ("pending", 1, ALONE)
    assert [each.verdict for each in scene.attempts()] == [Move.RESCUE_RESEND] + [Move.RESCUE_UNBEGUN] * 10


def test_fault_78_three_crashes_of_its_own_hold_a_delivery_as_poison(scene: Scene) -> None:
    id_ = suspect(scene)
    for crash in range(1, MOST_CRASHES):
        assert die(scene, announce=True) == 1
        # It waits, so that another goes first should it not be the cause.
        assert scene.since(delivery.c.due_at, id_) == pytest.approx(-60, abs=30)
        assert scene.queue.claim(scene.start(), 10) == []
        scene.change(id_, due_at=ago(1))
        assert (scene.row(id_).status, scene.row(id_).rescues) == ("pending", 1 + crash)
    assert die(scene, announce=True) == 1
    row = scene.row(id_)
    assert (row.status, row.reason, row.session) == ("held", "poison", None)
    assert scene.attempts()[-1].verdict == Move.RESCUE_POISON
    assert not scene.queue.has_due()


@pytest.mark.parametrize("move", [Move.DEFER, Move.DOUBT_RESEND])
def test_a_verdict_ends_the_suspicion(scene: Scene, move: Move) -> None:
    suspect(scene)
    me, claim = claimed(scene)
    assert announced(scene, me, claim)
    assert record(scene.queue, me, settlement(claim, move)).applied == 1
    row = scene.row(claim.delivery_id)
    assert (row.lane, row.rescues) == (Lane.RETRY, 0)


@pytest.mark.parametrize("delay", [None, 30.0])
def test_a_release_leaves_the_suspicion(scene: Scene, delay: float | None) -> None:
    suspect(scene)
    me, claim = claimed(scene)
    assert record(scene.queue, me, settlement(claim, Move.RELEASE, delay=delay)).applied == 1
    row = scene.row(claim.delivery_id)
    assert (row.lane, row.rescues) == (Lane.ALONE, 1)


@pytest.mark.parametrize("on_doubt", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
def test_a_mail_that_must_not_go_twice_goes_back_when_it_had_not_begun(
    scene: Scene, on_doubt: OnDoubt
) -> None:
    (id_,) = scene.mail(on_doubt=on_doubt)
    scene.change(id_, lane=ALONE, rescues=1)
    assert die(scene, announce=False) == 1
    assert scene.row(id_).status == "pending"
    assert die(scene, announce=True) == 1
    assert scene.row(id_).status == "in_doubt"


@pytest.mark.parametrize("spoiler", ["fence", "session", "status"])
def test_only_who_still_holds_a_delivery_announces_it(scene: Scene, spoiler: str) -> None:
    suspect(scene)
    me, claim = claimed(scene)
    match spoiler:
        case "fence":
            scene.change(claim.delivery_id, fence=claim.fence + 1)
        case "session":
            scene.change(claim.delivery_id, session=scene.start())
        case _:
            scene.change(claim.delivery_id, status="pending", session=None)
    before = scene.rows()
    assert announced(scene, me, claim) is False
    assert before == scene.rows()


def test_an_announcement_speaks_of_one_delivery_only(scene: Scene) -> None:
    me, (first, second) = scene.held(2)
    before = scene.row(second.delivery_id)
    assert announced(scene, me, first)
    assert before == scene.row(second.delivery_id)


def test_of_many_each_is_told_by_itself_whether_its_sending_was_announced(scene: Scene) -> None:
    me, claims = scene.held(4, on_doubt=OnDoubt.HOLD)
    mine, other, gone, silent = claims
    scene.change(other.delivery_id, session=scene.start())
    old = replace(gone, fence=gone.fence - 1)
    before = [row._asdict() for row in scene.rows()]
    assert scene.queue.announce(me, [mine, other, old]) == {
        mine.delivery_id: True,
        other.delivery_id: False,
        gone.delivery_id: False,
    }
    before[0]["announced"] = mine.fence
    assert before == [row._asdict() for row in scene.rows()]
    assert scene.queue.announce(me, [silent]) == {silent.delivery_id: True}


def test_an_announcement_speaks_of_one_claim_only(scene: Scene) -> None:
    id_ = suspect(scene)
    assert die(scene, announce=True) == 1
    scene.change(id_, due_at=ago(1))
    assert scene.row(id_).announced == scene.row(id_).fence
    assert die(scene, announce=False) == 1
    assert scene.attempts()[-1].verdict == Move.RESCUE_UNBEGUN


def test_a_rescued_delivery_that_is_not_due_waits_like_any_other(scene: Scene) -> None:
    id_ = suspect(scene)
    scene.change(id_, due_at=ago(-60))
    assert scene.queue.claim(scene.start(), 10) == []


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_an_announcement_waits_for_nobody_s_lock(scene: Scene, rival: Scene) -> None:
    # Nobody has locked these, before it and behind it.
    scene.change(scene.mail(), due_at=ago(-60))
    suspect(scene)
    me, claim = claimed(scene)
    scene.mail()
    with rival.application.connect() as connection, connection.begin():
        connection.execute(select(delivery).where(delivery.c.id == claim.delivery_id).with_for_update())
        assert announced(scene, me, claim) is None
    assert announced(scene, me, claim) is True


def test_what_was_deleted_cannot_be_announced(scene: Scene) -> None:
    suspect(scene)
    me, claim = claimed(scene)
    scene.empty()
    assert announced(scene, me, claim) is False


def test_a_rescued_delivery_takes_one_of_the_places_of_its_claim(scene: Scene) -> None:
    suspect(scene)
    scene.mail(5)
    assert len(scene.queue.claim(scene.start(), 3)) == 3
