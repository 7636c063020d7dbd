"""A wish about a mail that is being sent is granted if the mail would wait again, and only then."""

from uuid import uuid4

import pytest
from sqlalchemy import Connection

from outbox.mail.request import Request
from outbox.mail.status import FINAL, GRANTED, MOVES, Lane, Move, OnDoubt, Reason, Status, Wish, destination
from outbox.store.requests import ask
from outbox.store.schema import SessionState
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import Scene, ago


def wished(connection: Connection, id_: int, wish: Wish) -> None:
    """Ask of a delivery that is being sent what leaves this wish."""
    (change,) = ask(connection, [id_], Request(wish.value), who="ann", note=None)
    assert (change.before, change.after, change.done) == (Status.SENDING, Status.SENDING, False)
    assert change.says.startswith("being sent: ")


@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("move", OWNED)
def test_a_verdict_that_would_let_the_mail_wait_grants_the_wish(scene: Scene, move: Move, wish: Wish) -> None:
    me, (claim, other) = scene.held(2)
    with scene.application.begin() as connection:
        wished(connection, claim.delivery_id, wish)
    record(scene.queue, me, [settlement(claim, move), settlement(other, move)])
    row = scene.row(claim.delivery_id)
    # What a guard parks would wait for a person, and is held for its own reason.
    waits = MOVES[move].target is Status.PENDING or (move is Move.PARK and wish is Wish.CANCEL)
    # Of a dot that went out without an answer nobody can say that it was taken back.
    doubtful = move is Move.DOUBT_RESEND and wish is Wish.CANCEL
    granted = Status.IN_DOUBT if doubtful else GRANTED[wish]
    assert (granted if waits else MOVES[move].target) == row.status
    assert destination(move, wish, doubtful=False) == row.status
    assert (row.status in FINAL) == (row.finished_at is not None)
    assert waits == (row.reason == "person")
    assert MOVES[move].target == scene.row(other.delivery_id).status


@pytest.mark.parametrize("on_doubt", OnDoubt)
@pytest.mark.parametrize("wish", Wish)
def test_a_rescue_that_would_let_the_mail_wait_grants_the_wish(
    scene: Scene, wish: Wish, on_doubt: OnDoubt
) -> None:
    me, (claim,) = scene.held(on_doubt=on_doubt)
    with scene.application.begin() as connection:
        wished(connection, claim.delivery_id, wish)
    if on_doubt is not OnDoubt.RESEND:
        assert scene.queue.announce(me, [claim]) == {claim.delivery_id: True}
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == 1
    row = scene.row(claim.delivery_id)
    waits = on_doubt is OnDoubt.RESEND
    assert (Status.HELD if waits and wish is Wish.HOLD else Status.IN_DOUBT) == row.status
    assert (row.status in FINAL) == (row.finished_at is not None)
    assert waits == (row.reason == "person")


@pytest.mark.parametrize("on_doubt", [OnDoubt.HOLD, OnDoubt.ASSUME_SENT])
@pytest.mark.parametrize("wish", Wish)
def test_a_rescue_grants_the_wish_in_full_where_a_sending_was_not_announced(
    scene: Scene, wish: Wish, on_doubt: OnDoubt
) -> None:
    me, (claim,) = scene.held(on_doubt=on_doubt)
    with scene.application.begin() as connection:
        wished(connection, claim.delivery_id, wish)
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == 1
    row = scene.row(claim.delivery_id)
    assert (row.status, row.reason) == (GRANTED[wish], "person")


def test_a_wish_is_undone_with_its_transaction(scene: Scene) -> None:
    me, (claim,) = scene.held()
    with scene.application.connect() as connection, connection.begin() as transaction:
        wished(connection, claim.delivery_id, Wish.CANCEL)
        transaction.rollback()
    record(scene.queue, me, settlement(claim, Move.DEFER))
    assert scene.row(claim.delivery_id).status == "pending"


def test_the_last_wish_counts_and_none_outlives_its_sending(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, status="sending", session=uuid4(), lane=int(Lane.FRESH))
    with scene.application.begin() as connection:
        wished(connection, id_, Wish.CANCEL)
        wished(connection, id_, Wish.HOLD)
    scene.queue.rescue()
    assert scene.row(id_).status == "held"
    scene.change(id_, status="pending")
    me = scene.start()
    (claim,) = scene.queue.claim(me, 1)
    record(scene.queue, me, settlement(claim, Move.DEFER))
    assert scene.row(id_).status == "pending"


SINCE_BEFORE = [({}, False), ({"doubts": 1}, True), ({"rescues": 1}, True)]


@pytest.mark.parametrize(("since_before", "doubtful"), SINCE_BEFORE)
@pytest.mark.parametrize("wish", Wish)
def test_a_rescue_of_what_had_not_begun_looks_at_what_was_sent_before(
    scene: Scene, wish: Wish, since_before: dict[str, int], *, doubtful: bool
) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, lane=int(Lane.ALONE), wish=wish.value, **since_before)
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == 1
    row = scene.row(claim.delivery_id)
    assert (destination(Move.RESCUE_UNBEGUN, wish, doubtful=doubtful), "person") == (row.status, row.reason)
    assert (row.status in FINAL) == (row.finished_at is not None)


@pytest.mark.parametrize(("since_before", "doubtful"), SINCE_BEFORE)
@pytest.mark.parametrize("wish", Wish)
@pytest.mark.parametrize("move", [Move.DEFER, Move.RELEASE, Move.DOUBT_RESEND])
def test_a_verdict_looks_at_what_was_sent_before(
    scene: Scene, move: Move, wish: Wish, since_before: dict[str, int], *, doubtful: bool
) -> None:
    me, (claim, other) = scene.held(2)
    scene.change(claim.delivery_id, wish=wish.value, **since_before)
    record(scene.queue, me, [settlement(claim, move), settlement(other, move)])
    row = scene.row(claim.delivery_id)
    assert (destination(move, wish, doubtful=doubtful), "person") == (row.status, row.reason)
    assert (row.status in FINAL) == (row.finished_at is not None)


@pytest.mark.parametrize(("since_before", "doubtful"), SINCE_BEFORE)
@pytest.mark.parametrize("wish", Wish)
def test_what_is_given_back_unknown_looks_at_what_was_sent_before(
    scene: Scene, wish: Wish, since_before: dict[str, int], *, doubtful: bool
) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, wish=wish.value, **since_before)
    assert scene.queue.release_unknown(me, []) == 1
    row = scene.row(claim.delivery_id)
    assert (destination(Move.RELEASE, wish, doubtful=doubtful), "person") == (row.status, row.reason)
    assert (row.status in FINAL) == (row.finished_at is not None)


@pytest.mark.parametrize(
    ("wish", "doubts", "expected"),
    [
        (Wish.CANCEL, 0, (Status.CANCELLED, Reason.PERSON)),
        (Wish.CANCEL, 1, (Status.IN_DOUBT, Reason.PERSON)),
        (Wish.HOLD, 0, (Status.HELD, Reason.STORM)),
    ],
)
def test_what_a_guard_parks_is_cancelled_if_somebody_wished_so(
    scene: Scene, wish: Wish, doubts: int, expected: tuple[Status, Reason]
) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, wish=wish.value, doubts=doubts)
    record(scene.queue, me, settlement(claim, Move.PARK))
    row = scene.row(claim.delivery_id)
    assert expected == (row.status, row.reason)


def test_what_a_person_let_go_is_theirs_through_a_deferral(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, reason="person")
    me = scene.start()
    (claim,) = scene.queue.claim(me, 1)
    record(scene.queue, me, settlement(claim, Move.DEFER))
    assert (scene.row(id_).status, scene.row(id_).reason) == ("pending", "person")
    scene.change(id_, due_at=ago(1))
    (claim,) = scene.queue.claim(me, 1)
    record(scene.queue, me, settlement(claim, Move.DELIVER))
    assert (scene.row(id_).status, scene.row(id_).reason) == ("sent", None)
