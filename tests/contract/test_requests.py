"""Every request in every state does what is allowed, to this delivery alone; the others change nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Row, select

import outbox
from outbox import Change, Status
from outbox.mail.request import GOALS, REQUESTS, Effect, Given, Request
from outbox.mail.status import FINAL, Lane, Move
from outbox.store.clock import utc_now
from outbox.store.requests import write
from outbox.store.schema import SessionState
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago, in_state

ASK: dict[Request, Callable[..., list[Change]]] = {
    Request.CANCEL: outbox.cancel,
    Request.HOLD: outbox.hold,
    Request.RELEASE: outbox.release,
    Request.RETRY: outbox.retry,
    Request.MARK_SENT: outbox.mark_sent,
}
NOW = "the instant of the request"
RELEASED = {"status": "pending", "due_at": NOW, "lane": Lane.FRESH, "doubts": 0, "rescues": 0}
RETRIED = RELEASED | {"lane": Lane.RETRY, "attempts": 0, "judged_at": None}
ALLOWED: dict[tuple[Request, Status], dict[str, Any]] = {
    (Request.CANCEL, Status.PENDING): {"status": "cancelled", "finished_at": NOW},
    (Request.CANCEL, Status.HELD): {"status": "cancelled", "finished_at": NOW},
    (Request.CANCEL, Status.IN_DOUBT): {"status": "cancelled", "finished_at": NOW},
    (Request.HOLD, Status.PENDING): {"status": "held"},
    (Request.RELEASE, Status.HELD): RELEASED,
    (Request.RELEASE, Status.IN_DOUBT): RELEASED,
    (Request.RETRY, Status.PENDING): RETRIED,
    (Request.RETRY, Status.FAILED): RETRIED | {"finished_at": None},
    (Request.RETRY, Status.IN_DOUBT): RETRIED,
    (Request.MARK_SENT, Status.IN_DOUBT): {"status": "sent", "finished_at": NOW},
}
TOLD: dict[str, Any] = {
    "attempts": 4,
    "judged_at": ago(5000),
    "due_at": ago(3000),
    "fence": 7,
    "announced": 6,
    "relay": "mx",
    "reply_code": 451,
    "enhanced_code": "4.7.1",
    "reply": "Later",
    "queue_id": "4BX",
    "reason": "poison",
    "lane": int(Lane.RETRY),
}
SINCE_BEFORE = {"lane": int(Lane.ALONE), "doubts": 2, "rescues": 1}


def stands(scene: Scene, status: Status, **values: Any) -> Row[Any]:
    """Put a delivery into a state, all of its columns told, and return its row."""
    (id_,) = scene.mail()
    before = SINCE_BEFORE if status not in {Status.PENDING, Status.HELD} else {}
    scene.change(id_, **TOLD | before | in_state(status) | values)
    return scene.row(id_)


def asked(scene: Scene, request: Request, row: Row[Any], **which: Any) -> Change:
    """Ask this of the mail of a delivery, as an application does."""
    with scene.application.begin() as connection:
        (change,) = ASK[request](connection, row.message_id, **which)
    assert (row.id, row.message_id, row.recipient) == (
        change.delivery_id,
        change.message_id,
        change.recipient,
    )
    return change


def now(scene: Scene) -> datetime:
    instant: datetime = scene.database.read(
        lambda connection: connection.execute(select(utc_now())).scalar_one()
    )
    return instant


def assert_became(scene: Scene, before: Row[Any], changes: dict[str, Any]) -> None:
    """Assert that all columns are as before but for these changes; instants of NOW are recent ones."""
    after = scene.row(before.id)._asdict()
    instants = {name for name, value in changes.items() if value == NOW}
    assert [name for name in instants if abs((now(scene) - after[name]).total_seconds()) > 60] == []
    recent = {name: after[name] for name in instants}
    assert before._asdict() | changes | recent == after


def noted(scene: Scene) -> list[tuple[Any, ...]]:
    return [
        (note.delivery_id, note.fence, note.session, note.verdict, note.who, note.detail, note.late)
        for note in scene.attempts()
    ]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("request_", Request)
def test_every_request_in_every_state_changes_what_it_may_and_nothing_else(
    scene: Scene, request_: Request, status: Status
) -> None:
    (bystander,) = scene.mail()
    beside = scene.row(bystander)
    before = stands(scene, status)
    change = asked(scene, request_, before, who="ann", note="a slip")
    changes = ALLOWED.get((request_, status))
    is_wish = status is Status.SENDING and request_ in {Request.CANCEL, Request.HOLD}
    after = GOALS[request_] if changes else status
    assert (change.before, change.after, change.done) == (status, after, changes is not None)
    assert change.says
    if changes is not None:
        assert_became(scene, before, changes | {"reason": "person"})
    elif is_wish:
        assert change.says.startswith("being sent: ")
        assert_became(scene, before, {"wish": request_.value})
    else:
        assert before == scene.row(before.id)
    note = (before.id, 7, None, request_.value, "ann", "a slip", False)
    assert noted(scene) == ([note] if changes or is_wish else [])
    assert beside == scene.row(bystander)


@pytest.mark.parametrize("status", [status for status in Status if status in FINAL - {Status.FAILED}])
def test_a_retry_of_what_has_ended_says_how_to_send_it_again(scene: Scene, status: Status) -> None:
    says = asked(scene, Request.RETRY, stands(scene, status)).says
    assert "retry(…, as_new=True) sends it again as a new mail" in says


@pytest.mark.parametrize("request_", [Request.RELEASE, Request.RETRY, Request.MARK_SENT])
def test_what_cannot_be_wished_of_a_mail_that_is_being_sent_is_told(scene: Scene, request_: Request) -> None:
    assert asked(scene, request_, stands(scene, Status.SENDING)).says == "it is being sent"


@pytest.mark.parametrize("since_before", [{"doubts": 1}, {"rescues": 1}])
@pytest.mark.parametrize("status", [Status.PENDING, Status.HELD])
def test_what_a_relay_may_hold_is_not_cancelled_but_in_doubt_and_then_knowingly(
    scene: Scene, status: Status, since_before: dict[str, int]
) -> None:
    before = stands(scene, status, **since_before)
    says = asked(scene, Request.MARK_SENT, before).says
    assert says.endswith(", and a relay may hold it already: cancel(…) brings it to in_doubt first")
    change = asked(scene, Request.CANCEL, before)
    assert (change.before, change.after, change.done) == (status, Status.IN_DOUBT, False)
    assert_became(scene, before, {"status": "in_doubt", "reason": "person"})
    again = asked(scene, Request.CANCEL, before)
    assert (again.before, again.after, again.done) == (Status.IN_DOUBT, Status.CANCELLED, True)
    assert [note.verdict for note in scene.attempts()] == ["cancel", "cancel"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"due_at": ago(-3600)}, "it waits for its send_at and was never tried: nothing to try again"),
        ({}, "it is in its turn: why(…) says what it waits for"),
    ],
)
def test_fresh_mail_is_not_tried_again(scene: Scene, values: dict[str, Any], says: str) -> None:
    before = stands(scene, Status.PENDING, lane=int(Lane.FRESH), **values)
    change = asked(scene, Request.RETRY, before)
    assert (change.after, change.done, change.says) == (Status.PENDING, False, says)
    assert (before, []) == (scene.row(before.id), scene.attempts())


@pytest.mark.parametrize("lane", [Lane.RETRY, Lane.ALONE])
def test_what_was_put_off_is_tried_now_and_as_if_for_the_first_time(scene: Scene, lane: Lane) -> None:
    before = stands(scene, Status.PENDING, lane=int(lane), due_at=ago(-3600), doubts=2, rescues=1)
    assert asked(scene, Request.RETRY, before).done
    assert_became(scene, before, RETRIED | {"reason": "person"})
    (claim,) = scene.queue.claim(scene.start(), 1)
    assert (claim.delivery_id, claim.attempts, claim.judged_ago) == (before.id, 0, None)


BACK = {
    "a deferral": Move.DEFER,
    "a release": Move.RELEASE,
    "a rescue": None,
}


@pytest.mark.parametrize("back", BACK)
@pytest.mark.parametrize("request_", [Request.CANCEL, Request.HOLD])
def test_what_was_asked_while_it_was_sent_is_done_when_it_comes_back(
    scene: Scene, request_: Request, back: str
) -> None:
    me, (claim,) = scene.held()
    asked(scene, request_, scene.row(claim.delivery_id))
    move = BACK[back]
    if move is not None:
        record(scene.queue, me, settlement(claim, move))
    else:
        scene.sessions.enter(me, SessionState.STOPPED)
        assert scene.queue.rescue() == 1
    # Of what was rescued nobody knows whether it was sent.
    cancelled = Status.CANCELLED if move else Status.IN_DOUBT
    row = scene.row(claim.delivery_id)
    assert (row.status, row.reason) == (
        cancelled if request_ is Request.CANCEL else Status.HELD,
        "person",
    )


def test_fault_87_cancel_marks_what_is_being_sent_and_it_ends_without_another_try(scene: Scene) -> None:
    me, (taken, sent) = scene.held(2, tags={"order": 7})
    with scene.application.begin() as connection:
        changes = outbox.cancel(connection, tag=("order", 7))
    assert [(change.after, change.done) for change in changes] == [(Status.SENDING, False)] * 2
    record(scene.queue, me, [settlement(taken, Move.DEFER), settlement(sent, Move.DELIVER)])
    assert [row.status for row in scene.rows()] == [Status.CANCELLED, Status.SENT]
    assert scene.queue.claim(scene.start(), 9) == []


def test_a_rollback_undoes_a_request(scene: Scene) -> None:
    before = stands(scene, Status.PENDING)
    with scene.application.connect() as connection:
        (change,) = outbox.cancel(connection, before.message_id)
        assert change.done
        connection.rollback()
    assert ([before], []) == (scene.rows(), scene.attempts())


def test_who_says_nothing_is_the_application(scene: Scene) -> None:
    before = stands(scene, Status.PENDING)
    asked(scene, Request.HOLD, before)
    assert noted(scene) == [(before.id, 7, None, "hold", "application", None, False)]


EFFECTS = [
    (request, status, found)
    for request, states in REQUESTS.items()
    for status, usual in states.items()
    for found in (usual, *usual.but.values())
    if found.changes
]


def _spoilt(status: Status, usual: Effect, found: Effect) -> list[dict[str, Any]]:
    """Return in what else a delivery may be by the time of the write, so that this is not the effect."""
    spoilt = [in_state(other) for other in Status if other is not status]
    if Given.DOUBTFUL in usual.but:
        spoilt += [{"doubts": 1}, {"rescues": 1}] if found is usual else [{"doubts": 0, "rescues": 0}]
    if Given.LATE in usual.but:
        spoilt += [{"expires_at": ago(60)}]
    if Given.WISHED in usual.but:
        spoilt += [{"wish": None}]
    if Given.FRESH in usual.but:
        spoilt += [{"lane": int(Lane.FRESH)}, {"lane": int(Lane.FRESH), "due_at": ago(-60)}]
    return spoilt


@pytest.mark.parametrize(
    ("request_", "status", "found"), EFFECTS, ids=lambda each: getattr(each, "value", "")
)
def test_a_request_that_looked_too_long_ago_changes_nothing(
    scene: Scene, request_: Request, status: Status, found: Effect
) -> None:
    usual = REQUESTS[request_][status]
    doubts = {"doubts": 0 if found is usual else 1, "rescues": 0}
    wish = {"wish": "hold" if found.withdraws else None, "expires_at": None}
    ids = [stands(scene, status, **doubts).id for _ in range(2)]
    for values in _spoilt(status, usual, found):
        scene.change(ids, **TOLD | doubts | wish | in_state(status))
        scene.change(ids[0], **values)
        (before, _), written = (
            scene.rows(),
            scene.database.write(lambda connection: write(connection, ids, request_, status, found)),
        )
        assert (1, before) == (written, scene.row(ids[0])), values
