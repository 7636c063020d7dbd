"""What is given back is as due as it was, and what nobody knows of is given back."""

from math import inf
from uuid import uuid4

import pytest
from sqlalchemy import event, select

from outbox.mail.status import Move
from outbox.store.batches import FEW
from outbox.store.database import Database, UnmetServerError
from outbox.store.queue import Queue
from outbox.store.schema import delivery
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, ago


def test_a_release_leaves_no_trace_but_the_fence(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, due_at=ago(1000), judged_at=ago(2000), attempts=3, doubts=1, reply="busy", reason="x")
    before = scene.row(id_)._asdict()
    me = scene.start()
    (claim,) = scene.queue.claim(me, 1)
    record(scene.queue, me, settlement(claim, Move.RELEASE))
    assert before | {"fence": 1} == scene.row(id_)._asdict()
    assert scene.attempts() == []


def test_what_is_released_may_be_claimed_at_once(scene: Scene) -> None:
    me, (claim,) = scene.held()
    record(scene.queue, me, settlement(claim, Move.RELEASE))
    (again,) = scene.queue.claim(scene.start(), 1)
    assert (claim.delivery_id, 2) == (again.delivery_id, again.fence)


def test_claims_that_their_holder_does_not_know_of_go_back(scene: Scene) -> None:
    me, (known, unknown, another) = scene.held(3)
    before = [row._asdict() for row in scene.rows()]
    assert scene.queue.release_unknown(me, [known.delivery_id]) == 2
    freed = {"status": "pending", "session": None}
    assert [before[0], before[1] | freed, before[2] | freed] == [row._asdict() for row in scene.rows()]
    assert {unknown.delivery_id, another.delivery_id} == {
        claim.delivery_id for claim in scene.queue.claim(me, 9)
    }


@pytest.mark.parametrize("when", ["before", "between the read and the write"])
def test_fault_31_nothing_is_given_back_on_a_server_that_nobody_has_looked_at(
    scene: Scene, when: str
) -> None:
    me, (claim,) = scene.held()
    database = Database(scene.url)
    if when == "before":
        database.met = 0
    else:
        event.listen(database._reader, "checkin", lambda *_: setattr(database, "met", 0), once=True)
    with pytest.raises(UnmetServerError):
        Queue(database).release_unknown(me, [])
    assert scene.row(claim.delivery_id).status == "sending"
    database.met = inf
    assert Queue(database).release_unknown(me, []) == 1
    database.close()


def test_more_may_be_known_than_a_statement_has_room_for(scene: Scene) -> None:
    me, (known, *_) = scene.held(FEW + 2)
    assert scene.queue.release_unknown(me, range(known.delivery_id + FEW + 2, 300_000)) == FEW + 2
    assert {"pending"} == {row.status for row in scene.rows()}
    assert scene.queue.release_unknown(me, range(300_000)) == 0


def test_one_who_knows_nothing_gives_back_all_that_it_holds_and_no_more(scene: Scene) -> None:
    me, (mine,) = scene.held()
    _, (other,) = scene.held()
    before = scene.row(other.delivery_id)
    assert scene.queue.release_unknown(me, []) == 1
    assert scene.row(mine.delivery_id).status == "pending"
    assert before == scene.row(other.delivery_id)
    assert scene.queue.release_unknown(uuid4(), []) == 0


def test_what_was_settled_meanwhile_is_not_given_back(scene: Scene) -> None:
    me, (sent, doubted) = scene.held(2)
    record(scene.queue, me, [settlement(sent, Move.DELIVER), settlement(doubted, Move.DOUBT_HOLD)])
    before = scene.rows()
    assert scene.queue.release_unknown(me, []) == 0
    assert before == scene.rows()


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_what_is_unknown_and_locked_is_given_back_another_time(scene: Scene, rival: Scene) -> None:
    me, (locked, _free) = scene.held(2)
    with rival.application.connect() as connection, connection.begin():
        connection.execute(select(delivery).where(delivery.c.id == locked.delivery_id).with_for_update())
        assert scene.queue.release_unknown(me, []) == 1
    assert [row.status for row in scene.rows()] == ["sending", "pending"]
    assert scene.queue.release_unknown(me, []) == 1
