"""A session lives while it beats, and only another one may declare it lost, and only after its silence."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Row, select, update

from outbox.store.clock import seconds_since
from outbox.store.schema import SessionState, session
from outbox.store.sessions import Totals
from tests.contract.scene import Scene, ago

LIVE = [SessionState.RUNNING, SessionState.STOPPING]
DEAD = [SessionState.STOPPED, SessionState.LOST]


def read(scene: Scene, me: UUID) -> Row[Any]:
    wanted = select(session).where(session.c.id == me)
    return scene.database.read(lambda connection: connection.execute(wanted).one())


def silence(scene: Scene, me: UUID, seconds: float) -> None:
    with scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == me).values(beat_at=ago(seconds)))


def silent_for(scene: Scene, me: UUID) -> float:
    wanted = select(seconds_since(session.c.beat_at)).where(session.c.id == me)
    return float(scene.database.read(lambda connection: connection.execute(wanted).scalar_one()))


def test_a_session_begins_running_and_says_who_it_is(scene: Scene) -> None:
    me = uuid4()
    scene.sessions.start(me, host="mail-1.example.org", pid=4711, version="1.2.3", ttl=60)
    row = read(scene, me)
    assert (row.host, row.pid, row.version, row.state) == ("mail-1.example.org", 4711, "1.2.3", "running")
    assert (row.sent, row.failed, row.deferred) == (0, 0, 0)
    assert silent_for(scene, me) == pytest.approx(0, abs=30)


def test_a_host_name_of_any_length_fits(scene: Scene) -> None:
    me = uuid4()
    scene.sessions.start(me, host="h" * 300, pid=1, version="1", ttl=60)
    assert read(scene, me).host == "h" * 255


def test_no_two_runs_share_an_id(scene: Scene) -> None:
    me = scene.start()
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        scene.sessions.start(me, host="host", pid=1, version="1", ttl=60)


@pytest.mark.parametrize("state", LIVE)
def test_a_beat_renews_a_live_session_and_tells_its_totals(scene: Scene, state: SessionState) -> None:
    me, other = scene.start(state), scene.start(state)
    for each in (me, other):
        silence(scene, each, 500)
    assert scene.sessions.beat(me, Totals(sent=3_000_000_000, failed=2, deferred=1))
    row = read(scene, me)
    assert (row.state, row.sent, row.failed, row.deferred) == (state.value, 3_000_000_000, 2, 1)
    assert silent_for(scene, me) == pytest.approx(0, abs=30)
    assert silent_for(scene, other) == pytest.approx(500, abs=30)


@pytest.mark.parametrize("state", DEAD)
def test_a_beat_of_a_session_that_was_declared_lost_says_so_and_changes_nothing(
    scene: Scene, state: SessionState
) -> None:
    me = scene.start(state)
    before = read(scene, me)
    assert not scene.sessions.beat(me, Totals(sent=1))
    assert before == read(scene, me)


def test_a_beat_of_an_unknown_session_says_that_it_is_lost(scene: Scene) -> None:
    assert not scene.sessions.beat(uuid4(), Totals())


def test_fault_32_no_beat_hides_that_the_row_of_a_session_says_less_than_before(scene: Scene) -> None:
    me, other = scene.start(), scene.start()
    assert scene.sessions.beat(me, Totals(sent=1, failed=10, deferred=100), 0)
    assert scene.sessions.beat(me, Totals(sent=1, failed=10, deferred=100), 111)
    assert not scene.sessions.is_behind(me, 111)
    assert not scene.sessions.beat(me, Totals(sent=1000), 112)
    assert scene.sessions.is_behind(me, 112)
    assert not scene.sessions.is_behind(me, 111)
    # Of one that is over, or not there, nothing is told.
    assert scene.sessions.enter(other, SessionState.STOPPED)
    assert not scene.sessions.is_behind(other, 1)
    assert not scene.sessions.is_behind(uuid4(), 1)


@pytest.mark.parametrize("target", [SessionState.STOPPING, SessionState.STOPPED])
@pytest.mark.parametrize("state", SessionState)
def test_only_a_live_session_enters_another_state(
    scene: Scene, state: SessionState, target: SessionState
) -> None:
    me, other = scene.start(state), scene.start()
    assert (state in LIVE) == scene.sessions.enter(me, target)
    assert read(scene, me).state == (target if state in LIVE else state)
    assert read(scene, other).state == "running"


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize(("silent", "overdue"), [(59.0 - 30, False), (90.0, True)])
def test_a_live_session_is_lost_only_after_a_silence_beyond_the_ttl(
    scene: Scene, state: SessionState, silent: float, *, overdue: bool
) -> None:
    me, other = scene.start(), scene.start(state)
    silence(scene, other, silent)
    lost = overdue and state in LIVE
    assert int(lost) == scene.sessions.declare_lost(me, 40.0)
    assert read(scene, other).state == ("lost" if lost else state)


def test_a_longer_ttl_is_the_session_s_own_promise(scene: Scene) -> None:
    me, patient = scene.start(), uuid4()
    scene.sessions.start(patient, host="host", pid=1, version="1", ttl=600)
    silence(scene, patient, 300)
    assert scene.sessions.declare_lost(me, 40.0) == 0
    silence(scene, patient, 700)
    assert scene.sessions.declare_lost(me, 40.0) == 1


def test_after_a_standstill_in_which_nobody_could_beat_nobody_is_lost(scene: Scene) -> None:
    me, other = scene.start(), scene.start()
    for each in (me, other):
        silence(scene, each, 500)
    assert scene.sessions.declare_lost(me, 40.0) == 0
    assert scene.sessions.beat(me, Totals())
    assert scene.sessions.declare_lost(me, 40.0) == 1


@pytest.mark.parametrize("state", DEAD)
def test_the_dead_declare_nobody_lost(scene: Scene, state: SessionState) -> None:
    me, other = scene.start(state), scene.start()
    silence(scene, other, 500)
    assert scene.sessions.declare_lost(me, 40.0) == 0


def test_nobody_declares_itself_lost(scene: Scene) -> None:
    me = scene.start()
    silence(scene, me, 1000)
    assert scene.sessions.declare_lost(me, 40.0) == 0
    assert read(scene, me).state == "running"


def test_one_look_finds_all_that_are_silent(scene: Scene) -> None:
    me, *others = (scene.start() for _ in range(4))
    for other in others:
        silence(scene, other, 61)
    assert scene.sessions.declare_lost(me, 40.0) == 3
    assert scene.sessions.declare_lost(me, 40.0) == 0
