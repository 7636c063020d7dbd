"""What is done to the remains of a session touches nothing that is not, or is no longer, its own."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from outbox.journal.record import Key
from outbox.mail.status import Move, OnDoubt, Status
from outbox.store.batches import FEW
from outbox.store.remains import Remains
from outbox.store.schema import SessionState, delivery, session
from outbox.store.sessions import Totals
from tests.contract.ends import record, settlement
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


def test_recipients_are_found_by_their_messages_and_numbers(scene: Scene) -> None:
    scene.add("pending", "sent")
    ids = [scene.add("held", "failed"), scene.add("sent")]
    found = Remains(scene.database).named([*ids, ids[0], uuid4()])
    assert {name: standing.status for name, standing in found.items()} == {
        (ids[0], 0): Status.HELD,
        (ids[0], 1): Status.FAILED,
        (ids[1], 0): Status.SENT,
    }
    assert [(standing.claim.message_id, standing.claim.n) for standing in found.values()] == list(found)


def test_more_messages_than_a_statement_names_are_found(scene: Scene) -> None:
    scene.mail(FEW + 1)
    ids = [row.message_id for row in scene.rows()]
    assert len(Remains(scene.database).named(ids)) == FEW + 1


def ended(scene: Scene, count: int) -> tuple[UUID, list[Key]]:
    """Give a session that has recorded the ends of so many claims, and their names."""
    me, claims = scene.held(count)
    record(scene.queue, me, [settlement(claim, Move.DELIVER) for claim in claims])
    return me, [Key(claim.message_id, claim.n, claim.fence) for claim in claims]


def test_a_database_that_knows_all_that_it_confirmed_forgets_nothing(scene: Scene) -> None:
    me, names = ended(scene, 3)
    remains = Remains(scene.database)
    assert list(remains.forgotten(me, names)) == [False] * 3
    assert list(remains.forgotten(me, [])) == []
    # Another claimed one since.
    first = scene.rows()[0]
    scene.change(first.id, status="sending", session=scene.start(), fence=first.fence + 1, finished_at=None)
    assert list(remains.forgotten(me, names)) == [False] * 3


def test_what_was_deleted_is_not_forgotten(scene: Scene) -> None:
    me, names = ended(scene, 2)
    last = scene.rows()[-1]
    scene.change(last.id, status="pending", fence=last.fence - 1, finished_at=None)
    remains = Remains(scene.database)
    deleted = [Key(uuid4(), 0, 1)] * (2 * FEW)
    assert list(remains.forgotten(me, [*deleted, *names, Key(names[0].message_id, 1, 1)])) == [False, True]
    scene.empty()
    assert list(remains.forgotten(me, names)) == []


@pytest.mark.parametrize("lost", ["record", "claim"])
def test_a_database_that_lacks_what_it_confirmed_forgets(scene: Scene, lost: str) -> None:
    me, names = ended(scene, 2)
    last = scene.rows()[-1]
    if lost == "record":
        scene.change(last.id, status="sending", session=me, finished_at=None)
    else:
        scene.change(last.id, status="pending", fence=last.fence - 1, finished_at=None)
    assert list(Remains(scene.database).forgotten(me, names)) == [False, True]


def test_what_another_session_holds_under_that_fence_is_not_forgotten(scene: Scene) -> None:
    me, names = ended(scene, 1)
    scene.change(scene.rows()[0].id, status="sending", session=scene.start(), finished_at=None)
    assert list(Remains(scene.database).forgotten(me, names)) == [False]


def test_what_the_session_has_claimed_again_since_is_not_forgotten(scene: Scene) -> None:
    me, names = ended(scene, 1)
    first = scene.rows()[0]
    scene.change(first.id, status="sending", session=me, fence=first.fence + 1, finished_at=None)
    assert list(Remains(scene.database).forgotten(me, names)) == [False]


def test_a_claim_that_the_database_lacks_is_told_by_its_fence(scene: Scene) -> None:
    _, claims = scene.held(3)
    names = [Key(claim.message_id, claim.n, claim.fence) for claim in claims]
    remains = Remains(scene.database)
    assert not remains.lacks(names)
    # Another has it since; and of what is not there nothing is told.
    scene.change(claims[0].delivery_id, session=scene.start(), fence=claims[0].fence + 1)
    assert not remains.lacks([*names, Key(uuid4(), 0, 1), Key(claims[1].message_id, 1, 1)])
    scene.change(claims[1].delivery_id, status="pending", session=None, fence=claims[1].fence - 1)
    assert not remains.lacks([names[0], names[2]])
    assert remains.lacks(names)


def test_the_row_of_a_session_tells_what_it_has_counted_and_its_epoch(scene: Scene) -> None:
    scene.start()
    me = uuid4()
    scene.sessions.start(me, host="h", pid=1, version="1", ttl=60.0, epoch=3)
    assert scene.sessions.beat(me, Totals(sent=1, failed=10, deferred=100))
    assert Remains(scene.database).beaten(me) == (111, 3)
    assert Remains(scene.database).beaten(uuid4()) is None


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


def test_another_recipient_of_the_same_mail_is_not_set_apart(scene: Scene) -> None:
    scene.mail(1, to=["ann@example.org", "bob@example.org"])
    me = scene.start()
    claim, other = scene.queue.claim(me, 2)
    before = scene.row(other.delivery_id)
    assert Remains(scene.database).set_apart(me, [claim]) == 1
    assert before == scene.row(other.delivery_id)


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


def test_only_what_a_session_still_holds_under_that_fence_is_held_on_by_another(scene: Scene) -> None:
    gone, claims = scene.held(6)
    old, theirs, ended, another, locked, its = (settlement(claim, Move.DELIVER) for claim in claims)
    scene.change(theirs.delivery_id, session=scene.start())
    scene.change(ended.delivery_id, status="pending", session=None)
    given = [
        replace(old, fence=old.fence - 1),
        theirs,
        ended,
        replace(another, message_id=uuid4()),
        locked,
        its,
    ]
    me = scene.start()
    before = [row._asdict() for row in scene.rows()]
    with scene.admin.connect() as somebody:
        if not scene.is_sqlite:  # which locks the whole file
            somebody.execute(select(delivery).where(delivery.c.id == locked.delivery_id).with_for_update())
        taken = Remains(scene.database).take_over(me, gone, given)
    assert taken == ([locked, its] if scene.is_sqlite else [its])
    for settlement_ in taken:
        before[given.index(settlement_)] |= {"session": me}
    assert before == [row._asdict() for row in scene.rows()]
    # Who holds it on may write what became of it, and who held it may not.
    assert record(scene.queue, me, its).applied == 1
    assert scene.row(its.delivery_id).status == Status.SENT
