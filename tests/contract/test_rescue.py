"""What the dead held is taken from them, once, and each mail's `on_doubt` says where it goes."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, event, select

from outbox.mail.status import Lane, Move, OnDoubt
from outbox.store.schema import SessionState, delivery, session
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago
from tests.plans.history import History

LIVE = [SessionState.RUNNING, SessionState.STOPPING]
GONE = [SessionState.STOPPED, SessionState.LOST, None]
TARGETS = {
    OnDoubt.RESEND: ("pending", Move.RESCUE_RESEND),
    OnDoubt.HOLD: ("in_doubt", Move.RESCUE_HOLD),
    # Assuming is for a dot that went out; of these nobody knows whether it did.
    OnDoubt.ASSUME_SENT: ("in_doubt", Move.RESCUE_HOLD),
}


def holder(scene: Scene, state: SessionState | None) -> UUID:
    """Give a session in this state, or one that has no row at all."""
    return uuid4() if state is None else scene.start(state)


@pytest.mark.parametrize("state", GONE)
@pytest.mark.parametrize("on_doubt", OnDoubt)
def test_what_a_dead_session_held_goes_where_its_mail_says(
    scene: Scene, on_doubt: OnDoubt, state: SessionState | None
) -> None:
    (id_,) = scene.mail(on_doubt=on_doubt)
    dead = holder(scene, state)
    scene.change(
        id_,
        status="sending",
        session=dead,
        fence=7,
        attempts=2,
        doubts=1,
        rescues=1,
        reply="busy",
        due_at=ago(99),
        announced=None if on_doubt is OnDoubt.RESEND else 7,
    )
    before = scene.row(id_)._asdict()
    target, verdict = TARGETS[on_doubt]
    assert scene.queue.rescue() == 1
    changed = {"status": target, "session": None, "rescues": 2, "lane": Lane.ALONE}
    after = scene.row(id_)._asdict()
    if on_doubt is not OnDoubt.RESEND:
        # It may be what killed its daemon: released by a person, it waits for a minute.
        changed["due_at"] = after["due_at"]
        assert scene.since(delivery.c.due_at, id_) < 0
    assert before | changed == after
    (attempt,) = scene.attempts()
    assert (id_, 7, dead, verdict) == (
        attempt.delivery_id,
        attempt.fence,
        attempt.session,
        attempt.verdict,
    )
    assert attempt.detail
    assert not attempt.late


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("on_doubt", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
def test_what_must_not_go_twice_and_was_not_announced_goes_back_as_if_it_had_not_been_claimed(
    scene: Scene, on_doubt: OnDoubt, lane: Lane
) -> None:
    (id_,) = scene.mail(on_doubt=on_doubt)
    # Announced was the sending of an earlier claim.
    scene.change(id_, status="sending", session=uuid4(), fence=7, announced=6, lane=int(lane))
    before = scene.row(id_)._asdict()
    assert scene.queue.rescue() == 1
    assert before | {"status": "pending", "session": None} == scene.row(id_)._asdict()
    assert [attempt.verdict for attempt in scene.attempts()] == [Move.RESCUE_UNBEGUN]


@pytest.mark.parametrize("state", LIVE)
def test_nothing_is_taken_from_the_living(scene: Scene, state: SessionState) -> None:
    (id_,) = scene.mail()
    scene.change(id_, status="sending", session=scene.start(state))
    before = scene.rows()
    assert scene.queue.rescue() == 0
    assert before == scene.rows()
    assert scene.attempts() == []


def test_a_rescue_takes_from_the_dead_and_leaves_the_others_their_own(scene: Scene) -> None:
    dead, living = scene.start(SessionState.LOST), scene.start()
    mine, theirs, waiting = scene.mail(3)
    scene.change(mine, status="sending", session=dead)
    scene.change(theirs, status="sending", session=living)
    scene.add("sent", "in_doubt", "held")
    before = scene.rows()[1:]
    assert scene.queue.rescue() == 1
    assert scene.queue.rescue() == 0
    assert before == scene.rows()[1:]
    assert [mine] == [attempt.delivery_id for attempt in scene.attempts()]
    assert scene.row(waiting).rescues == 0


def test_fault_12_what_a_session_held_is_rescued_also_when_its_row_is_gone(scene: Scene) -> None:
    scene.held(3)
    with scene.admin.begin() as connection:
        connection.execute(delete(session))
    assert scene.queue.rescue() == 3
    assert scene.queue.counts() == {"pending": 3}


def test_fault_12_a_session_keeps_its_row_whatever_ends_it(scene: Scene) -> None:
    dead, stopped, living = scene.start(SessionState.LOST), scene.start(), scene.start()
    scene.sessions.enter(stopped, SessionState.STOPPED)
    scene.change(scene.mail(2), status="sending", session=dead)
    scene.sessions.declare_lost(living, 40.0)
    scene.queue.rescue()
    scene.queue.expire()
    assert scene.count(session) == 3


def test_fault_15_more_than_one_batch_is_rescued_in_one_go_a_batch_in_a_transaction(scene: Scene) -> None:
    ids = scene.mail(501)
    scene.change(ids, status="sending", session=uuid4())
    transactions = [0]

    def moved(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        transactions[-1] += statement.startswith("UPDATE outbox_delivery")

    def committed(_connection: Any) -> None:
        transactions.append(0)

    listeners: list[tuple[str, Any]] = [("before_cursor_execute", moved), ("commit", committed)]
    for name, listener in listeners:
        event.listen(scene.database.engine, name, listener)
    assert scene.queue.rescue() == 501
    for name, listener in listeners:
        event.remove(scene.database.engine, name, listener)
    assert scene.queue.counts() == {"pending": 501}
    assert [count for count in transactions if count] == [500, 1]


def test_fault_15_ten_thousand_deliveries_of_the_living_hide_none_of_the_dead(scene: Scene) -> None:
    history = History(scene)
    for _ in range(4):
        history.add(2500, "sending", session=scene.start())
        history.add(1, "sending", session=uuid4())
    dead = [row.id for row in scene.rows()][2500::2501]
    assert scene.queue.rescue() == 4
    assert dead == [row.id for row in scene.rows() if row.status == "pending"]


def test_a_rescued_delivery_is_claimed_under_a_new_fence_and_its_old_holder_is_late(scene: Scene) -> None:
    me, (claim,) = scene.held()
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == 1
    other = scene.start()
    (again,) = scene.queue.claim(other, 1)
    assert (again.delivery_id, again.fence) == (claim.delivery_id, claim.fence + 1)
    assert record(scene.queue, me, settlement(claim, Move.REFUSE)).dropped == 1
    assert record(scene.queue, other, settlement(again, Move.DELIVER)).applied == 1


def test_two_rescuers_take_each_delivery_once(scene: Scene, rival: Scene) -> None:
    ids = scene.mail(60)
    scene.change(ids, status="sending", session=uuid4())
    together = threading.Barrier(2)
    rescued: list[int] = []

    def rescue(one: Scene) -> None:
        together.wait(30)
        rescued.append(one.queue.rescue())

    threads = [threading.Thread(target=rescue, args=[one]) for one in (scene, rival)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(rescued) == 60
    assert {1} == {row.rescues for row in scene.rows()}
    assert sorted(ids) == sorted(attempt.delivery_id for attempt in scene.attempts())


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_what_a_dead_session_held_and_somebody_has_locked_is_rescued_another_time(
    scene: Scene, rival: Scene
) -> None:
    me, (locked, _free) = scene.held(2)
    scene.sessions.enter(me, SessionState.STOPPED)
    with rival.application.connect() as connection, connection.begin():
        connection.execute(select(delivery).where(delivery.c.id == locked.delivery_id).with_for_update())
        assert scene.queue.rescue() == 1
    assert [row.status for row in scene.rows()] == ["sending", "pending"]
    assert scene.queue.rescue() == 1
