"""A daemon's housekeeping: it goes on where it was, keeps its pace, and is one daemon's at a time."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, insert, select, update

from outbox.store import retention
from outbox.store.requests import locked
from outbox.store.schema import SessionState, delivery, message, meta, session
from outbox.store.turns import Turns
from outbox.worker.housekeeping import RUN, SESSIONS_KEPT, Housekeeping
from outbox.worker.options import Keep
from tests.contract.aged import DAY, aged, left
from tests.contract.crowd import at_once
from tests.contract.scene import Scene, ago, delivery_row, in_state, message_row


class Clock:
    """A clock that stands still, unless it is moved by each look at it."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def _nobodys_turn(scene: Scene) -> None:
    """Let nobody have kept this house before."""
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(keeper=None, keeper_until=None, erased_to=None))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each page be one delivery."""
    monkeypatch.setattr(retention, "PAGE", 1)


def keeper(
    scene: Scene, *, step: float = 0.0, bodies: float = 7 * DAY, finished: float = 0.0, me: UUID | None = None
) -> Housekeeping:
    mine = me or uuid4()
    keep = Keep(bodies=bodies, finished=finished)
    return Housekeeping(scene.database, scene.sessions, keep, lambda: mine, Clock(step))


def bodies(scene: Scene) -> int:
    return sum(scene.message(id_).mime is not None for id_ in left(scene)["message"])


def meta_row(scene: Scene) -> Any:
    with scene.admin.connect() as connection:
        return connection.execute(select(meta)).one()


@pytest.fixture
def written(scene: Scene) -> Iterator[list[str]]:
    """Give the statements by which the daemon writes from now on."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN")):
            found.append(statement)

    event.listen(scene.database.engine, "before_cursor_execute", note)
    yield found
    event.remove(scene.database.engine, "before_cursor_execute", note)


def test_bodies_and_finished_mail_go_each_at_its_time(scene: Scene) -> None:
    old, young, new = aged(scene, "sent", days=20), aged(scene, "sent", days=10), aged(scene, "sent", days=1)
    house = keeper(scene, finished=15 * DAY)
    house.erase()
    house.delete()
    assert {young, new} == left(scene)["message"] != {old}
    assert [scene.message(each).mime is None for each in (young, new)] == [True, False]


def test_who_keeps_all_for_ever_deletes_nothing(scene: Scene) -> None:
    aged(scene, "sent", days=30_000)
    scene.start(SessionState.STOPPED)
    with scene.admin.begin() as connection:
        connection.execute(update(session).values(beat_at=ago(30_000 * DAY)))
    house = keeper(scene, bodies=0.0)
    for duty in (house.erase, house.delete, house.prune):
        duty()
    assert (bodies(scene), scene.count(session)) == (1, 1)


@pytest.mark.usefixtures("small_pages")
def test_erasing_goes_on_where_it_was_when_its_time_was_over(scene: Scene) -> None:
    for status in ("sent", "sent", "failed", "cancelled"):
        aged(scene, status)
    house = keeper(scene, step=RUN / 2)
    for expected in (3, 2, 1, 0):
        house.erase()
        assert expected == bodies(scene)
    assert meta_row(scene).erased_to is None
    house.erase()
    assert meta_row(scene).erased_to is not None


def test_what_was_erased_is_not_looked_at_again_and_what_ends_later_is(scene: Scene) -> None:
    held = aged(scene, "sent", "held", days=30)
    for _ in range(3):
        aged(scene, "sent", days=30)
    keeper(scene).erase()
    since = meta_row(scene).erased_to
    assert (bodies(scene), since is not None) == (1, True)
    assert retention.Retention(scene.database).walk(retention.Terms(7 * DAY), since).page() == []
    (last,) = [row.id for row in scene.rows() if row.status == "held"]
    scene.change(last, **in_state("cancelled"))
    scene.change(last, finished_at=ago(7 * DAY - 30))
    keeper(scene, me=meta_row(scene).keeper).erase()
    assert scene.message(held).mime is not None, "it has not ended long enough ago"
    keeper(scene, bodies=7 * DAY - 60, me=meta_row(scene).keeper).erase()
    assert scene.message(held).mime is None


@pytest.mark.parametrize("shared_url", ["postgresql", "mysql"], indirect=True)
def test_what_was_locked_is_looked_for_again(scene: Scene, rival: Scene) -> None:
    aged(scene, "failed")
    (row,) = scene.rows()
    with rival.application.begin() as connection:
        locked(connection, [row.id])
        keeper(scene).erase()
    assert (bodies(scene), meta_row(scene).erased_to) == (1, None)
    keeper(scene, me=meta_row(scene).keeper).erase()
    assert bodies(scene) == 0


def test_an_idle_daemon_only_reads(scene: Scene, written: list[str]) -> None:
    aged(scene, "sent", "pending", days=1)
    house = keeper(scene, finished=15 * DAY)
    for duty in (house.erase, house.delete, house.prune):
        duty()
    assert written == []


def test_only_one_daemon_keeps_the_house(scene: Scene, rival: Scene) -> None:
    aged(scene, "sent")
    mine, other = uuid4(), uuid4()
    turns = Turns(scene.database)
    assert turns.take(mine)
    for duty in ("erase", "delete"):
        getattr(keeper(rival, me=other, finished=7 * DAY), duty)()
    assert bodies(scene) == 1
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(keeper_until=ago(1)))
    keeper(rival, me=other).erase()
    assert bodies(scene) == 0
    assert (turns.take(mine), turns.take(other)) == (False, True)


def test_of_many_at_once_one_gets_the_turn(scene: Scene, rival: Scene) -> None:
    for _ in range(5):
        with scene.admin.begin() as connection:
            connection.execute(update(meta).values(keeper=None, keeper_until=None))
        got: list[bool] = []
        mine, other = Turns(scene.database), Turns(rival.database)
        at_once(lambda: got.append(mine.take(uuid4())), lambda: got.append(other.take(uuid4())))  # noqa: B023 - within the round
        assert sorted(got) == [False, True]


def test_only_who_has_the_turn_says_how_far_it_came(scene: Scene) -> None:
    turns, mine = Turns(scene.database), uuid4()
    now = turns.span(0.0).ripe
    turns.erased(mine, now)
    assert meta_row(scene).erased_to is None
    turns.take(mine)
    turns.erased(mine, now)
    assert now == turns.span(0.0).erased_to


@pytest.mark.usefixtures("small_pages")
def test_who_is_stopped_begins_no_further_page(scene: Scene) -> None:
    aged(scene, "sent")
    house = keeper(scene, finished=7 * DAY)
    house.stop()
    house.erase()
    house.delete()
    assert bodies(scene) == 1


@pytest.mark.parametrize("state", SessionState)
def test_fault_12_rows_of_sessions_go_that_ended_long_ago_and_hold_nothing(
    scene: Scene, state: SessionState
) -> None:
    old, holder, young = (scene.start(state) for _ in range(3))
    with scene.admin.begin() as connection:
        for each, age in ((old, 91), (holder, 91), (young, 89)):
            connection.execute(update(session).where(session.c.id == each).values(beat_at=ago(age * DAY)))
        id_ = uuid4()
        connection.execute(insert(message).values(message_row(id_)))
        held = delivery_row(id_) | in_state("sending") | {"session": holder}
        connection.execute(insert(delivery).values(held))
    keeper(scene, finished=90 * DAY).prune()
    with scene.admin.connect() as connection:
        stays = set(connection.execute(select(session.c.id)).scalars())
    over = state in {SessionState.STOPPED, SessionState.LOST}
    assert stays == ({holder, young} if over else {old, holder, young})


def test_no_session_goes_that_a_journal_may_name(scene: Scene) -> None:
    me = scene.start(SessionState.LOST)
    for age, expected in ((SESSIONS_KEPT - 60, [me]), (SESSIONS_KEPT + 60, [])):
        with scene.admin.begin() as connection:
            connection.execute(update(session).values(beat_at=ago(age)))
        keeper(scene, finished=DAY).prune()
        with scene.admin.connect() as connection:
            assert expected == connection.execute(select(session.c.id)).scalars().all()
