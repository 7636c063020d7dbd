"""The epochs of a database: raised once, answered by each daemon, and closed by nobody but a person."""

from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from outbox.store.history import _NOTE, History, confirm, restored, unanswered
from outbox.store.permission import permission
from outbox.store.schema import SessionState, meta
from tests.contract.scene import Scene


def epoch(scene: Scene, value: int) -> History:
    """Let the database stand at this epoch."""
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(epoch=value, restored_at=None, confirmed=0))
    return History(scene.database)


def test_a_database_has_an_id_of_its_own(scene: Scene, rival: Scene) -> None:
    assert len(History(scene.database).now().database) >= 32
    assert History(scene.database).now().database == History(rival.database).now().database


def test_an_epoch_is_raised_above_what_is_known_and_only_by_the_first(scene: Scene) -> None:
    history = epoch(scene, 3)
    assert history.went_back(5)
    assert history.now().epoch == 6
    assert not history.went_back(5)
    assert history.now().epoch == 6
    assert scene.database.read(restored) is None


def test_fault_32_that_it_went_far_is_told_also_after_another_has_raised_the_epoch(scene: Scene) -> None:
    history = epoch(scene, 3)
    assert history.went_back(3)
    assert history.went_back(3, far=True)
    assert history.now().epoch == 4
    assert scene.database.read(permission).restored
    # It is told once, and what is nearer takes nothing back.
    assert not history.went_back(3, far=True)
    assert not history.went_back(3)
    assert scene.database.read(permission).restored


@pytest.mark.parametrize("before", [2, 3])
def test_fault_32_a_person_is_not_asked_again_what_was_confirmed(scene: Scene, before: int) -> None:
    history = epoch(scene, 3)
    assert history.went_back(3, far=True)
    with scene.admin.begin() as connection:
        assert confirm(connection)
    # Of a daemon that is slower to notice, or was not running.
    assert not history.went_back(before, far=True)
    assert history.now().epoch == 4
    assert not scene.database.read(permission).restored
    # The next time is another.
    assert history.went_back(4)
    assert history.went_back(4, far=True)
    assert history.now().epoch == 5
    assert scene.database.read(permission).restored


def moved(scene: Scene, timeline: int | None) -> bool:
    """Let another server have had the database; tell whether that is found."""
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(timeline=timeline))
    return History(scene.database).has_moved()


def noted(scene: Scene) -> int | None:
    with scene.admin.begin() as connection:
        found: int | None = connection.execute(select(meta.c.timeline)).scalar_one()
    return found


def test_fault_31_another_server_is_news_once_whoever_finds_it(scene: Scene) -> None:
    history = epoch(scene, 3)
    if scene.admin.dialect.name != "postgresql":
        # No other database tells.
        assert not moved(scene, 7)
        assert noted(scene) == 7
        assert history.went_back(3)
        assert noted(scene) == 7
        return
    assert not moved(scene, None)
    here = noted(scene)
    assert here is not None
    assert not moved(scene, here)
    for before in (here - 1, here + 1):  # a promotion; a dump that another cluster has got
        assert moved(scene, before)
        assert history.went_back(history.now().epoch)
        assert not history.has_moved()
    assert history.now().epoch == 5
    assert not history.went_back(4)
    assert not scene.database.read(permission).restored


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)  # no other database tells it
def test_fault_31_another_server_is_news_also_after_an_epoch_that_not_all_know(scene: Scene) -> None:
    history = epoch(scene, 4)
    assert moved(scene, 0)
    assert history.went_back(3)
    assert history.now().epoch == 5
    assert not history.has_moved()
    assert moved(scene, 0)
    assert history.went_back(3, far=True)
    assert history.now().epoch == 6
    assert scene.database.read(permission).restored
    assert not history.has_moved()


def test_who_looked_too_long_ago_notes_no_server_in_the_place_of_another(scene: Scene) -> None:
    for before, after in ((None, 7), (8, 8)):
        with scene.admin.begin() as connection:
            connection.execute(update(meta).values(timeline=before))
        scene.database.write(lambda connection: connection.execute(_NOTE, {"server": 7}))
        assert noted(scene) == after


@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)  # no other database tells it
def test_a_server_that_does_not_tell_its_timeline_is_asked_once(scene: Scene) -> None:
    history = epoch(scene, 3)
    history._asks = text("SELECT outbox_no_such_function()")
    assert not history.has_moved()
    assert history._asks is None
    assert history.went_back(3)


def test_who_finds_that_it_went_far_lets_nothing_go_until_a_person_confirms(scene: Scene) -> None:
    history = epoch(scene, 0)
    assert history.went_back(0, far=True)
    found = scene.database.read(restored)
    assert found is not None
    assert scene.database.read(permission).restored
    with scene.admin.begin() as connection:
        assert confirm(connection)
        assert not confirm(connection)
    assert scene.database.read(restored) is None
    assert not scene.database.read(permission).restored


def test_fault_31_mail_waits_for_each_living_session_that_has_not_answered(scene: Scene) -> None:
    history = epoch(scene, 2)
    mine, other = (scene.start() for _ in range(2))
    history.answer(mine, 1)
    assert scene.database.read(unanswered) == ("host",)
    history.answer(mine, 2)
    assert scene.database.read(unanswered) == ()
    history.answer(other, 1)
    assert scene.database.read(permission).unanswered == ("host",)
    assert scene.sessions.enter(other, SessionState.STOPPED)
    assert scene.database.read(unanswered) == ()


def test_fault_32_a_person_is_told_which_living_daemons_have_read_their_journals(scene: Scene) -> None:
    history = epoch(scene, 2)
    for host, answered, state in (
        ("done", 3, SessionState.RUNNING),
        ("gone", 3, SessionState.STOPPED),
        ("slow", 2, SessionState.RUNNING),
    ):
        me = uuid4()
        scene.sessions.start(me, host=host, pid=1, version="1", ttl=60.0, epoch=answered)
        if state is SessionState.STOPPED:
            assert scene.sessions.enter(me, state)
    assert history.went_back(2, far=True)
    found = scene.database.read(restored)
    assert found is not None
    assert (found.answered, found.unanswered) == (("done",), ("slow",))
