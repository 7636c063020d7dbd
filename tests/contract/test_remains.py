"""What is done to the remains of a session touches nothing that is not, or is no longer, its own."""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy import select

from outbox.mail.status import OnDoubt, Status
from outbox.store.remains import Remains
from outbox.store.schema import SessionState, session
from tests.contract.scene import Scene


def test_only_a_session_of_this_database_is_known(scene: Scene) -> None:
    scene.start()
    me = scene.start(SessionState.LOST)
    remains = Remains(scene.database)
    assert remains.is_known(me)
    assert not remains.is_known(uuid4())


def test_what_a_session_holds_is_found_with_what_its_mail_says_of_doubts(scene: Scene) -> None:
    scene.held(on_doubt=OnDoubt.HOLD)
    me, (held, sent) = scene.held(2, on_doubt=OnDoubt.ASSUME_SENT)
    scene.change(sent.delivery_id, status="pending", session=None)
    (found,) = Remains(scene.database).held(me)
    assert (found.claim.delivery_id, found.claim.fence) == (held.delivery_id, held.fence)
    assert (found.status, found.on_doubt) == (Status.SENDING, OnDoubt.ASSUME_SENT)


def test_one_recipient_is_found_by_its_message_and_number(scene: Scene) -> None:
    scene.add("pending", "sent")
    message_id = scene.add("held", "failed")
    remains = Remains(scene.database)
    found = [remains.named(message_id, n) for n in range(3)]
    assert [each and each.status for each in found] == [Status.HELD, Status.FAILED, None]
    assert [each.claim.n for each in found if each] == [0, 1]


def test_only_what_the_session_still_holds_under_that_fence_is_set_apart(scene: Scene) -> None:
    me, claims = scene.held(4)
    other, theirs, gone, mine = claims
    scene.change(theirs.delivery_id, session=scene.start())
    scene.change(gone.delivery_id, status="pending", session=None)
    before = [row._asdict() for row in scene.rows()]
    old = replace(other, fence=other.fence - 1)
    assert Remains(scene.database).set_apart(me, [old, theirs, gone, mine]) == 1
    before[3] |= {"status": "pending", "session": None, "lane": 2}
    assert before == [row._asdict() for row in scene.rows()]
    assert [mine.delivery_id] == [attempt.delivery_id for attempt in scene.attempts()]


def test_only_a_session_that_has_not_ended_is_declared_lost(scene: Scene) -> None:
    sessions = [scene.start(state) for state in SessionState]
    bystander = scene.start()
    for one in sessions:
        Remains(scene.database).over(one)
    rows = scene.database.read(
        lambda connection: connection.execute(select(session.c.id, session.c.state)).all()
    )
    states = {row.id: row.state for row in rows}
    assert [states[one] for one in sessions] == ["lost", "lost", "stopped", "lost"]
    assert states[bystander] == "running"
