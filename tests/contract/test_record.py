"""A verdict becomes its move, whole, where its claim is still held, and nothing anywhere else."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Row, literal, null

from outbox.mail.status import FINAL, LATE, MOVES, Late, Move, Settlement, Status
from outbox.store.schema import attempt, delivery
from outbox.store.verdicts import Recorded
from tests.contract.ends import OWNED, TOLD, record, settlement, words
from tests.contract.scene import Scene, ago, in_state

BEFORE: dict[str, Any] = {
    "attempts": 2,
    "doubts": 1,
    "rescues": 1,
    "relay": "before",
    "reply_code": 421,
    "enhanced_code": "4.3.2",
    "reply": "words from before",
    "queue_id": "before",
    "reason": "before",
}

TIMES = ("due_at", "judged_at", "finished_at")


def without_times(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in TIMES}


def test_every_owned_move_is_covered_here() -> None:
    assert set(OWNED) == set(TOLD)


@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_sets_status_counts_and_words_and_lets_go(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, **BEFORE)
    held = without_times(scene.row(claim.delivery_id))
    end = settlement(claim, move)
    assert record(scene.queue, me, end) == Recorded(applied=1, late=0, dropped=0)
    expected = held | {
        "status": MOVES[move].target,
        "session": None,
        "attempts": 2 + end.judged,
        "doubts": 1 + end.doubt,
        "lane": 0 if end.delay is None else 1,
        "rescues": 0 if end.judged else BEFORE["rescues"],
    }
    if move is not Move.RELEASE:  # which says nothing of the mail, so that the last words stay
        expected |= words(end)
    assert expected == without_times(scene.row(claim.delivery_id))


@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_sets_the_times_by_the_database_clock(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    id_ = claim.delivery_id
    scene.change(id_, due_at=ago(1000))
    before = scene.row(id_)
    end = settlement(claim, move)
    record(scene.queue, me, end)
    after = scene.row(id_)
    if end.delay is None:
        assert before.due_at == after.due_at
    else:
        assert scene.since(delivery.c.due_at, id_) == pytest.approx(-end.delay, abs=30)
    if end.judged:
        assert scene.since(delivery.c.judged_at, id_) == pytest.approx(0, abs=30)
    else:
        assert after.judged_at is None
    if end.target in FINAL:
        assert scene.since(delivery.c.finished_at, id_) == pytest.approx(0, abs=30)
    else:
        assert after.finished_at is None


@pytest.mark.parametrize("move", OWNED)
def test_the_first_judged_attempt_keeps_its_date(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, judged_at=ago(86_400))
    first = scene.row(claim.delivery_id).judged_at
    record(scene.queue, me, settlement(claim, move))
    assert first == scene.row(claim.delivery_id).judged_at


@pytest.mark.parametrize("move", OWNED)
def test_a_mail_becomes_a_retry_only_when_it_waits_for_another_attempt(scene: Scene, move: Move) -> None:
    me, (fresh, retried) = scene.held(2)
    scene.change(retried.delivery_id, lane=1)
    record(scene.queue, me, [settlement(fresh, move), settlement(retried, move)])
    lanes = [scene.row(each.delivery_id).lane for each in (fresh, retried)]
    assert [int(move in {Move.DEFER, Move.DOUBT_RESEND}), 1] == lanes


def test_a_fraction_of_a_second_is_a_delay(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, due_at=ago(1000))
    record(scene.queue, me, settlement(claim, Move.DEFER, delay=100.25))
    assert scene.since(delivery.c.due_at, claim.delivery_id) == pytest.approx(-100.25, abs=10)


@pytest.mark.parametrize("move", OWNED)
@pytest.mark.parametrize("noted", [True, False])
def test_an_attempt_row_is_written_where_the_settlement_says_so(
    scene: Scene, move: Move, *, noted: bool
) -> None:
    me, (claim,) = scene.held()
    end = settlement(claim, move, noted=noted)
    record(scene.queue, me, end)
    attempts = scene.attempts()
    assert noted == bool(attempts)
    if noted:
        (row,) = attempts
        expected = {
            "delivery_id": claim.delivery_id,
            "fence": claim.fence,
            "session": me,
            "stage": end.stage,
            "detail": end.detail,
            "verdict": move.value,
            "late": False,
        } | {name: words(end)[name] for name in ("relay", "reply_code", "enhanced_code", "reply")}
        assert expected == {name: row._mapping[name] for name in expected}
        assert scene.since(attempt.c.at, claim.delivery_id) == pytest.approx(0, abs=30)


def test_verdicts_of_one_batch_end_as_each_of_them_says(scene: Scene) -> None:
    me, claims = scene.held(len(OWNED))
    ends = [settlement(claim, move) for claim, move in zip(claims, OWNED, strict=True)]
    # The order of arrival is not the order of the ids.
    assert record(scene.queue, me, ends[::-1]) == Recorded(len(OWNED), 0, 0)
    assert [MOVES[move].target for move in OWNED] == [row.status for row in scene.rows()]
    assert [end.delivery_id for end in ends if end.noted] == [row.delivery_id for row in scene.attempts()]


def test_no_verdicts_are_nothing_to_write(scene: Scene) -> None:
    assert record(scene.queue, uuid4(), []) == Recorded(0, 0, 0)


def test_a_batch_touches_no_other_delivery_of_the_same_session(scene: Scene) -> None:
    me, (mine, other) = scene.held(2)
    before = scene.row(other.delivery_id)
    record(scene.queue, me, settlement(mine, Move.DELIVER))
    assert before == scene.row(other.delivery_id)


def test_500_verdicts_are_written_at_once(scene: Scene) -> None:
    me, claims = scene.held(500)
    ends = [settlement(claim, OWNED[n % len(OWNED)]) for n, claim in enumerate(claims)]
    assert record(scene.queue, me, ends) == Recorded(500, 0, 0)
    assert [end.target for end in ends] == [row.status for row in scene.rows()]


SPOILERS = ["fence", "later fence", "session", "no session", "row"]


@pytest.mark.parametrize("spoiler", SPOILERS)
@pytest.mark.parametrize("move", [move for move in OWNED if LATE[move] is not Late.WINS])
def test_a_verdict_without_the_claim_changes_nothing_of_what_another_holds(
    scene: Scene, move: Move, spoiler: str
) -> None:
    me, (claim,) = scene.held()
    end = spoil(scene, settlement(claim, move), spoiler)
    if spoiler == "session":
        me = uuid4()
    before = scene.rows()
    recorded = record(scene.queue, me, end)
    assert before == scene.rows()
    assert recorded.applied == 0


@pytest.mark.parametrize("spoiler", SPOILERS[:-1])
def test_a_success_without_the_claim_counts_as_late(scene: Scene, spoiler: str) -> None:
    me, (claim,) = scene.held()
    end = spoil(scene, settlement(claim, Move.DELIVER), spoiler)
    if spoiler == "session":
        me = uuid4()
    assert record(scene.queue, me, end) == Recorded(applied=0, late=1, dropped=0)
    # An applied one would have counted the attempt.
    assert (scene.row(claim.delivery_id).status, scene.row(claim.delivery_id).attempts) == (Status.SENT, 0)
    assert [row.late for row in scene.attempts()] == [True]


def spoil(scene: Scene, end: Settlement, spoiler: str) -> Settlement:
    """Make the claim behind `end` not hold any more."""
    id_, mail, fence = end.name
    match spoiler:
        case "fence":
            fence -= 1
        case "later fence":
            scene.change(id_, fence=fence + 1)
        case "no session":
            scene.change(id_, **in_state("held"))
        case "row":
            # The attempt row of a late doubt still needs its delivery. A later fence than its own would say
            # that it came back with a database that went back.
            (other,) = scene.held()[1]
            id_, mail = other.delivery_id, other.message_id
            fence -= 1
        case _:
            pass
    return Settlement(
        id_,
        mail,
        fence,
        end.move,
        end.relay,
        delay=end.delay,
        judged=end.judged,
        doubt=end.doubt,
        stage=end.stage,
        answer=end.answer,
        reason=end.reason,
        noted=end.noted,
    )


@pytest.mark.parametrize("move", [Move.DEFER, Move.REFUSE, Move.RELEASE])
def test_a_null_in_the_database_is_kept_null(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, relay=null(), reply=literal(None))
    record(scene.queue, me, settlement(claim, move, answer=None))
    row = scene.row(claim.delivery_id)
    assert (row.reply_code, row.enhanced_code, row.reply, row.queue_id) == (None, None, None, None)
