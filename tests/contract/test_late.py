"""A verdict whose claim was lost does what `mail.status.LATE` allows, and never more."""

from uuid import UUID

import pytest

from outbox.mail.status import FINAL, LATE, Late, Move, Status
from outbox.store.moves import Claim
from outbox.store.schema import delivery
from outbox.store.verdicts import Recorded
from tests.contract.ends import OWNED, PAUSE, record, settlement, words
from tests.contract.scene import Scene, ago, in_state

DOUBTING = [move for move in OWNED if LATE[move] is Late.DOUBTS]
DROPPED = [move for move in OWNED if LATE[move] is Late.DROPPED]


def lost(scene: Scene, status: str) -> tuple[UUID, Claim]:
    """Claim a delivery, then lose it to another session that left it in this state."""
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, fence=claim.fence + 1, due_at=ago(1000), **in_state(status))
    return me, claim


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SENT])
def test_a_late_success_wins_over_every_state_because_it_is_true(scene: Scene, status: Status) -> None:
    me, claim = lost(scene, status)
    scene.change(claim.delivery_id, reason="too_old", reply="no", reply_code=550, attempts=3)
    end = settlement(claim, Move.DELIVER)
    before = scene.row(claim.delivery_id)
    assert record(scene.queue, me, end) == Recorded(applied=0, late=1, dropped=0)
    row = scene.row(claim.delivery_id)
    # Whoever holds it now may be sending it a second time.
    doubts = 1 if status is Status.SENDING else 0
    expected = before._asdict() | words(end) | {"status": "sent", "session": None, "doubts": doubts}
    assert expected | {"finished_at": row.finished_at} == row._asdict()
    assert scene.since(delivery.c.finished_at, claim.delivery_id) == pytest.approx(0, abs=30)


def test_the_first_success_keeps_its_words_and_the_second_leaves_its_evidence(scene: Scene) -> None:
    me, claim = lost(scene, "sent")
    scene.change(claim.delivery_id, reply="first", queue_id="first")
    before = scene.rows()
    record(scene.queue, me, settlement(claim, Move.DELIVER, queue_id="second", noted=False))
    assert before == scene.rows()
    (attempt,) = scene.attempts()
    assert (attempt.verdict, attempt.fence, attempt.session, attempt.late) == ("deliver", 1, me, True)


def test_a_late_success_makes_the_verdict_of_the_present_holder_late(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, **in_state("pending"))
    other = scene.start()
    (again,) = scene.queue.claim(other, 1)
    record(scene.queue, me, settlement(claim, Move.DELIVER))
    assert record(scene.queue, other, settlement(again, Move.REFUSE)) == Recorded(0, 0, 1)
    assert scene.row(claim.delivery_id).status == "sent"


@pytest.mark.parametrize(
    ("move", "changes"),
    [
        (Move.DOUBT_RESEND, {}),
        (Move.DOUBT_HOLD, {"status": "in_doubt"}),
        (Move.DOUBT_ASSUME, {"status": "sent", "reason": "assumed"}),
    ],
)
def test_a_late_doubt_brings_a_waiting_delivery_where_its_mail_says_and_is_counted(
    scene: Scene, move: Move, changes: dict[str, str]
) -> None:
    me, claim = lost(scene, "pending")
    scene.change(claim.delivery_id, reason="person", relay="other")
    before = scene.row(claim.delivery_id)
    assert record(scene.queue, me, settlement(claim, move)) == Recorded(applied=0, late=1, dropped=0)
    row = scene.row(claim.delivery_id)
    # A doubt stays with the relay that may have the mail.
    counted = {"doubts": 1, "relay": "mx", "lane": 1, "due_at": row.due_at, "finished_at": row.finished_at}
    assert before._asdict() | changes | counted == row._asdict()
    assert (row.finished_at is not None) == (row.status == "sent")
    assert scene.since(delivery.c.due_at, claim.delivery_id) == pytest.approx(-PAUSE, abs=30)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.PENDING])
@pytest.mark.parametrize("move", DOUBTING)
def test_a_late_doubt_about_what_does_not_wait_leaves_evidence_only(
    scene: Scene, move: Move, status: Status
) -> None:
    me, claim = lost(scene, status)
    before = scene.rows()
    assert record(scene.queue, me, settlement(claim, move, noted=False)) == Recorded(0, 1, 0)
    assert before == scene.rows()
    assert [(move.value, True)] == [(row.verdict, row.late) for row in scene.attempts()]


@pytest.mark.parametrize("status", [each for each in Status if each not in {Status.PENDING, Status.SENDING}])
def test_a_late_doubt_changes_nothing_that_has_ended_also_under_a_fence_that_came_back(
    scene: Scene, status: Status
) -> None:
    me, claim = lost(scene, status)
    scene.change(claim.delivery_id, fence=claim.fence - 1)
    before = scene.rows()
    assert record(scene.queue, me, settlement(claim, Move.DOUBT_HOLD)) == Recorded(0, 1, 0)
    assert before == scene.rows()


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", DROPPED)
def test_every_other_late_verdict_is_dropped_and_counted(scene: Scene, move: Move, status: Status) -> None:
    me, claim = lost(scene, status)
    before = scene.rows()
    assert record(scene.queue, me, settlement(claim, move, noted=True)) == Recorded(0, 0, 1)
    assert before == scene.rows()
    assert scene.attempts() == []


def test_late_and_timely_verdicts_of_one_batch_each_get_their_due(scene: Scene) -> None:
    me, claims = scene.held(5)
    timely, rejected, doubted, dropped, deferred = claims
    other = scene.start()
    scene.change([rejected.delivery_id], **in_state("failed"))
    scene.change([doubted.delivery_id], **in_state("pending"))
    scene.change([dropped.delivery_id], session=other, fence=2)
    ends = [
        settlement(dropped, Move.REFUSE),
        settlement(deferred, Move.DEFER),
        settlement(doubted, Move.DOUBT_RESEND),
        settlement(rejected, Move.DELIVER, noted=False),
        settlement(timely, Move.DELIVER, noted=False),
    ]
    assert record(scene.queue, me, ends) == Recorded(applied=2, late=2, dropped=1)
    assert [row.status for row in scene.rows()] == ["sent", "sent", "pending", "sending", "pending"]
    assert [row.doubts for row in scene.rows()] == [0, 0, 1, 0, 0]
    assert [(row.delivery_id, row.late) for row in scene.attempts()] == [
        (rejected.delivery_id, True),
        (doubted.delivery_id, True),
        (deferred.delivery_id, False),
    ]


@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_written_twice_is_counted_once(scene: Scene, move: Move) -> None:
    # The answer to the first COMMIT was lost, and the recorder tries again.
    me, (claim,) = scene.held()
    end = settlement(claim, move)
    record(scene.queue, me, end)
    first = scene.row(claim.delivery_id)
    assert record(scene.queue, me, end).applied == 0
    again = scene.row(claim.delivery_id)
    assert (first.status, first.attempts, first.finished_at) == (
        again.status,
        again.attempts,
        again.finished_at,
    )
    assert (first.status in FINAL) == (again.finished_at is not None)
