"""Each condition of a write holds by itself, also where the schema's CHECKs no longer back it up."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, text, update

from outbox.mail.status import LATE, Late, Move, Status
from outbox.store.dialects.mysql_daemon import _CLAIM
from outbox.store.rescues import _rescue_one
from outbox.store.retention import Retention
from outbox.store.schema import SessionState, attempt, session
from outbox.store.sessions import _LOSE
from outbox.store.verdicts import Recorded
from tests.contract.aged import WEEK, aged, deleted, left
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import Scene, ago, in_state
from tests.support.users import migrated

ELSEWHERE = [status for status in Status if status is not Status.SENDING]
UNTELLING = [move for move in OWNED if LATE[move] is not Late.WINS]
_LIFT = {
    "postgresql": "ALTER TABLE outbox_delivery DROP CONSTRAINT outbox_delivery_sending_has_session",
    "mysql": "ALTER TABLE outbox_delivery DROP CONSTRAINT outbox_delivery_sending_has_session",
    "sqlite": "PRAGMA ignore_check_constraints = ON",
}


@pytest.fixture
def lax(database_url: str) -> Iterator[Scene]:
    """Give a store whose rows may keep a session that they no longer belong to."""
    migrated(database_url)
    scene = Scene(database_url)
    if not scene.is_sqlite:
        with scene.admin.begin() as connection:
            connection.execute(text(_LIFT[connection.dialect.name]))
    yield scene
    scene.close()


def leave(lax: Scene, id_: int, status: Status, holder: UUID) -> None:
    """Put a delivery into `status` and yet leave its session in its row."""
    values = {**in_state(status), "session": holder}
    if lax.is_sqlite:
        with lax.admin.connect() as connection:
            # A pragma works outside a transaction only, so the statements go past SQLAlchemy's.
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.execute(_LIFT["sqlite"])
        lax.change(id_, **values)
        lax.admin.dispose()
    else:
        lax.change(id_, **values)


def test_no_verdict_changes_what_is_not_being_sent(lax: Scene) -> None:
    me, (claim,) = lax.held()
    for status in ELSEWHERE:
        leave(lax, claim.delivery_id, status, me)
        before = lax.rows()
        for move in UNTELLING:
            if status is Status.PENDING and LATE[move] is Late.DOUBTS:
                continue
            assert record(lax.queue, me, settlement(claim, move)).applied == 0
            assert before == lax.rows(), (status, move)


def test_a_success_is_late_where_its_delivery_is_not_being_sent(lax: Scene) -> None:
    me, (claim,) = lax.held()
    leave(lax, claim.delivery_id, Status.FAILED, me)
    assert record(lax.queue, me, settlement(claim, Move.DELIVER)) == Recorded(0, 1, 0)


def test_nothing_is_rescued_or_given_back_that_is_not_being_sent(lax: Scene) -> None:
    (id_,) = lax.mail()
    dead = uuid4()
    for status in ELSEWHERE:
        leave(lax, id_, status, dead)
        before = lax.rows()
        assert lax.queue.release_unknown(dead, []) == 0
        assert lax.queue.rescue() == 0
        assert before == lax.rows(), status


def test_nothing_is_announced_that_is_not_being_sent(lax: Scene) -> None:
    me, (claim,) = lax.held()
    for status in ELSEWHERE:
        leave(lax, claim.delivery_id, status, me)
        before = lax.rows()
        assert lax.queue.announce(me, [claim]) == {claim.delivery_id: False}
        assert before == lax.rows(), status


@pytest.mark.parametrize("spoiler", ["fence", "session", "status", "holder"])
def test_fault_14_a_rescuer_that_looked_too_long_ago_takes_nothing(lax: Scene, spoiler: str) -> None:
    (id_,) = lax.mail()
    dead = uuid4()
    lax.change(id_, status="sending", session=dead, fence=3)
    seen = SimpleNamespace(
        id=id_,
        fence=3,
        session=dead,
        lane=0,
        rescues=0,
        doubts=0,
        announced=None,
        on_doubt="resend",
        wish=None,
    )
    match spoiler:
        case "fence":
            seen.fence = 2
        case "session":
            seen.session = uuid4()
        case "status":
            leave(lax, id_, Status.HELD, dead)
        case _:
            living = lax.start()
            lax.change(id_, session=living)
            seen.session = living
    before = lax.rows()
    moved = lax.database.write(lambda connection: _rescue_one(connection, seen, 60.0))
    assert (moved, before, []) == (0, lax.rows(), lax.attempts())


@pytest.mark.parametrize("values", [{"status": "held"}, {"expires_at": ago(-60)}, {"expires_at": None}])
def test_an_expiry_that_looked_too_long_ago_ends_nothing(scene: Scene, values: dict[str, Any]) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **{"expires_at": ago(60)} | values)
    before = scene.rows()
    expire, ids = scene.queue._expire, {"ids": [id_]}
    assert scene.database.write(lambda connection: connection.execute(expire, ids).rowcount) == 0
    assert before == scene.rows()


@pytest.mark.parametrize("spoiler", ["id", "state", "beat"])
def test_a_daemon_that_looked_too_long_ago_declares_nobody_lost(scene: Scene, spoiler: str) -> None:
    silent, other = scene.start(), scene.start()
    with scene.admin.begin() as connection:
        connection.execute(update(session).values(beat_at=datetime(2026, 6, 1, tzinfo=UTC)))
        if spoiler == "state":
            connection.execute(update(session).values(state=SessionState.STOPPED.value))
        seen = {
            "silent_id": uuid4() if spoiler == "id" else silent,
            "last_beat": datetime(2026, 6, 1, tzinfo=UTC),
        }
        if spoiler == "beat":
            seen["last_beat"] = datetime(2026, 5, 1, tzinfo=UTC)
        assert connection.execute(_LOSE, seen).rowcount == 0
        connection.execute(update(session).values(state=SessionState.RUNNING.value))
        lost = connection.execute(_LOSE, {"silent_id": silent, "last_beat": datetime(2026, 6, 1, tzinfo=UTC)})
        assert lost.rowcount == 1
        states = {row.id: row.state for row in connection.execute(select(session))}
    assert (states[silent], states[other]) == ("lost", "running")


def test_who_looked_too_long_ago_deletes_nothing_that_is_young_or_has_deliveries(scene: Scene) -> None:
    id_ = aged(scene, "sent", days=6)
    (row,) = scene.rows()
    store = Retention(scene.database)
    with scene.admin.begin() as connection:
        connection.execute(delete(attempt))
        assert connection.execute(store._deliveries, {"ids": [row.id], **WEEK.younger}).rowcount == 0
        assert connection.execute(store._messages, {"messages": [id_]}).rowcount == 0
    assert {id_} == left(scene)["delivery"]


def test_a_message_that_has_no_delivery_yet_does_not_go_with_another(scene: Scene) -> None:
    coming = scene.add()
    aged(scene, "sent")
    assert deleted(scene).messages == 1
    assert {coming} == left(scene)["message"]


def test_a_body_that_another_has_erased_is_not_erased_again(scene: Scene) -> None:
    id_ = aged(scene, "sent")
    erase, it = Retention(scene.database)._erase, {"messages": [id_]}
    assert [scene.database.write(lambda c: c.execute(erase, it).rowcount) for _ in range(2)] == [1, 0]


def test_only_the_messages_that_are_asked_for_are_read(scene: Scene) -> None:
    _, (one, _) = scene.held(2)
    assert scene.queue.messages([one.message_id]).keys() == {one.message_id}


SMALLEST, LARGEST = UUID(int=0), UUID(int=2**128 - 1)


@pytest.mark.parametrize("holder", [SMALLEST, LARGEST, None])
def test_who_gives_back_what_it_saw_too_long_ago_gives_back_nothing(lax: Scene, holder: UUID | None) -> None:
    me, (claim,) = lax.held()
    if holder is None:
        leave(lax, claim.delivery_id, Status.HELD, me)
    else:
        lax.change(claim.delivery_id, session=holder)
    before = lax.rows()
    give_back, which = lax.queue._release_unknown, {"ids": [claim.delivery_id], "holder": me}
    assert lax.database.write(lambda connection: connection.execute(give_back, which).rowcount) == 0
    assert before == lax.rows()


@pytest.mark.parametrize("shared_url", ["mysql"], indirect=True)
def test_a_claim_that_looked_too_long_ago_takes_nothing(scene: Scene) -> None:
    scene.add("held")
    (before,) = scene.rows()
    taken = {"ids": [before.id], "holder": uuid4()}
    assert scene.database.write(lambda connection: connection.execute(_CLAIM, taken).rowcount) == 0
    assert [before] == scene.rows()


# On MariaDB the claim names its index, and cannot do without.
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_the_longest_due_is_claimed_first_also_without_the_help_of_an_index(lax: Scene) -> None:
    with lax.admin.begin() as connection:
        connection.execute(text("DROP INDEX outbox_delivery_due"))
    third, second, first = lax.mail(3)
    for age, id_ in enumerate([third, second, first], start=1):
        lax.change(id_, due_at=ago(60 * age))
    claimed = [lax.queue.claim(lax.start(), 1)[0].delivery_id for _ in range(3)]
    assert [first, second, third] == claimed
