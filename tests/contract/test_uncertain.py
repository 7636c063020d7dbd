"""A record whose COMMIT got no answer is written again, and what it finds written counts once."""

import pytest
from sqlalchemy import delete, select

from outbox.mail.status import LATE, MOST_DOUBTS, MOVES, Late, Move
from outbox.store.schema import delivery
from outbox.store.verdicts import Recorded
from tests.contract.ends import OWNED, PAUSE, settlement
from tests.contract.scene import Scene, in_state


@pytest.mark.parametrize("move", OWNED)
def test_fault_16_a_verdict_that_was_written_already_changes_nothing_more(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    end = settlement(claim, move)
    first = scene.queue.record(me, [end], doubt_pause=PAUSE)
    rows, attempts = scene.rows(), scene.attempts()
    again = scene.queue.record(me, [end], doubt_pause=PAUSE, again=True)
    assert (rows, attempts) == (scene.rows(), scene.attempts())
    if end.noted or move is Move.DELIVER:
        assert first == again == Recorded(1, 0, 0)


def test_fault_16_a_clean_success_that_was_written_already_leaves_no_second_trace(scene: Scene) -> None:
    me, (claim,) = scene.held()
    end = settlement(claim, Move.DELIVER, noted=False)
    scene.queue.record(me, [end], doubt_pause=PAUSE)
    rows = scene.rows()
    assert Recorded(1, 0, 0) == scene.queue.record(me, [end], doubt_pause=PAUSE, again=True)
    assert (rows, []) == (scene.rows(), scene.attempts())


@pytest.mark.parametrize("move", [move for move in OWNED if LATE[move] is not Late.DROPPED])
def test_fault_16_a_verdict_that_was_not_written_and_whose_claim_is_lost_is_late(
    scene: Scene, move: Move
) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, fence=claim.fence + 1, **in_state("pending"))
    end = settlement(claim, move, noted=True)
    assert Recorded(0, 1, 0) == scene.queue.record(me, [end], doubt_pause=PAUSE, again=True)
    rows, attempts = scene.rows(), scene.attempts()
    assert [attempt.late for attempt in attempts] == [True]
    # And what came late is not told twice either.
    assert Recorded(1, 0, 0) == scene.queue.record(me, [end], doubt_pause=PAUSE, again=True)
    assert (rows, attempts) == (scene.rows(), scene.attempts())


def test_fault_16_a_half_that_was_not_written_is_written(scene: Scene) -> None:
    me, (written, waiting) = scene.held(2)
    ends = [settlement(written, Move.DOUBT_RESEND), settlement(waiting, Move.DOUBT_RESEND)]
    scene.queue.record(me, ends[:1], doubt_pause=PAUSE)
    assert Recorded(2, 0, 0) == scene.queue.record(me, ends, doubt_pause=PAUSE, again=True)
    assert [(row.doubts, row.attempts, row.status) for row in scene.rows()] == [(1, 1, "pending")] * 2
    assert len(scene.attempts()) == 2


@pytest.mark.parametrize(("before", "status"), [(MOST_DOUBTS - 2, "pending"), (MOST_DOUBTS - 1, "in_doubt")])
def test_the_third_doubt_waits_for_a_person_also_when_it_comes_late(
    scene: Scene, before: int, status: str
) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, fence=claim.fence + 1, doubts=before, **in_state("pending"))
    scene.queue.record(me, [settlement(claim, Move.DOUBT_RESEND)], doubt_pause=PAUSE)
    row = scene.row(claim.delivery_id)
    assert (row.status, row.doubts) == (status, before + 1)


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_a_delivery_that_somebody_has_locked_is_left_for_later_when_asked_again(
    scene: Scene, rival: Scene
) -> None:
    me, claims = scene.held(3)
    ends = [settlement(claim, Move.DELIVER) for claim in claims]
    locked = claims[1].delivery_id
    with rival.application.connect() as connection, connection.begin():
        connection.execute(select(delivery).where(delivery.c.id == locked).with_for_update())
        recorded = scene.queue.record(me, ends, doubt_pause=PAUSE, again=True)
        assert Recorded(2, 0, 0, frozenset({locked})) == recorded
    assert [row.status for row in scene.rows()] == ["sent", "sending", "sent"]
    assert Recorded(3, 0, 0) == scene.queue.record(me, ends, doubt_pause=PAUSE, again=True)
    assert {"sent"} == {row.status for row in scene.rows()}


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_on_what_was_deleted_is_dropped(scene: Scene, move: Move, *, again: bool) -> None:
    me, (claim, other) = scene.held(2)
    with scene.admin.begin() as connection:
        connection.execute(delete(delivery).where(delivery.c.id == claim.delivery_id))
    ends = [settlement(claim, move), settlement(other, move)]
    recorded = scene.queue.record(me, ends, doubt_pause=PAUSE, again=again)
    assert (recorded.late, recorded.busy) == (0, frozenset())
    assert MOVES[move].target == scene.row(other.delivery_id).status


def test_another_s_late_success_is_not_taken_for_ours(scene: Scene) -> None:
    first, (claim,) = scene.held()
    scene.change(claim.delivery_id, **in_state("pending"))
    second = scene.start()
    (again,) = scene.queue.claim(second, 1)
    scene.queue.record(first, [settlement(claim, Move.DELIVER)], doubt_pause=PAUSE)
    ours = settlement(again, Move.DELIVER, noted=False)
    assert Recorded(0, 1, 0) == scene.queue.record(second, [ours], doubt_pause=PAUSE, again=True)
    assert [(claim.fence, True), (again.fence, True)] == [(row.fence, row.late) for row in scene.attempts()]
