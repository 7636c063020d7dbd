"""What a journal knows as sent is recorded again where the database has forgotten it, and nothing else."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError

from outbox.store.batches import FEW
from outbox.store.history import History, restored, unanswered
from outbox.store.schema import SessionState, attempt, delivery, meta
from outbox.store.sessions import Totals
from tests.contract.host import LATER, Host, forget, prepared, statuses
from tests.contract.scene import Scene


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    return prepared(scene, tmp_path)


def test_a_database_that_has_forgotten_nothing_is_left_alone(scene: Scene, host: Host) -> None:
    me, _ = host.has_sent(2)
    before = scene.rows(), scene.attempts(), History(scene.database).now()
    assert not host.look(me)
    assert before == (scene.rows(), scene.attempts(), History(scene.database).now())


def test_fault_31_what_came_back_is_recorded_as_sent_and_the_epoch_is_raised(
    scene: Scene, host: Host
) -> None:
    me, claims = host.has_sent(3)
    forget(scene, *claims[1:])
    epoch = History(scene.database).now().epoch
    assert host.look(me)
    assert statuses(scene) == ["sent"] * 3
    assert [row.queue_id for row in scene.rows()[1:]] == ["4X", "4X"]
    assert (History(scene.database).now().epoch, host.replay.answered) == (epoch + 1, epoch + 1)
    assert scene.database.read(restored) is None
    # It is told once.
    host.journal.turn(host.replay.database, host.replay.answered)
    before = scene.rows(), scene.attempts()
    assert not host.look(me)
    assert before == (scene.rows(), scene.attempts())


def test_a_mail_that_went_by_another_relay_is_recorded_with_that(scene: Scene, host: Host) -> None:
    me, claims = scene.held(2)
    host.begin(me)
    host.sends(me, claims[:1], by="reserve")
    host.sends(me, claims[1:])
    forget(scene, *claims)
    assert host.look(me)
    assert [row.relay for row in scene.rows()] == ["reserve", "mx"]


def test_what_the_session_seems_to_hold_still_is_recorded_as_sent(scene: Scene, host: Host) -> None:
    me, claims = host.has_sent(2)
    forget(scene, claims[1])
    held = {"status": "sending", "session": me, "fence": claims[1].fence}
    scene.change(claims[1].delivery_id, **held)
    assert host.look(me)
    assert statuses(scene) == ["sent", "sent"]


def test_what_was_put_off_goes_again(scene: Scene, host: Host) -> None:
    me, claims = scene.held(2)
    host.begin(me)
    host.sends(me, claims[:1])
    host.sends(me, claims[1:], LATER)
    forget(scene, *claims)
    assert host.look(me)
    assert statuses(scene) == ["sent", "pending"]


def test_fault_32_where_nothing_that_it_remembers_is_there_a_person_is_asked(
    scene: Scene, host: Host
) -> None:
    me, claims = host.has_sent(2)
    forget(scene, *claims)
    assert host.look(me)
    assert statuses(scene) == ["sent", "sent"]
    assert scene.database.read(restored) is not None


def test_fault_32_that_mail_was_deleted_is_no_restore(scene: Scene, host: Host) -> None:
    me, claims = scene.held(FEW + 2)
    host.begin(me)
    host.sends(me, claims)
    deleted = [claim.delivery_id for claim in claims[1:]]
    with scene.admin.begin() as connection:
        connection.execute(delete(attempt))
        connection.execute(delete(delivery).where(delivery.c.id.in_(deleted)))
    before = History(scene.database).now()
    assert not host.look(me)
    assert before == History(scene.database).now()
    # The last that is there is what tells, and the first how far.
    forget(scene, claims[0])
    assert host.look(me)
    assert statuses(scene) == ["sent"]
    assert scene.database.read(restored) is not None


@pytest.mark.parametrize("count", ["sent", "failed", "deferred"])
def test_fault_32_a_session_whose_row_says_less_than_before_went_back_with_its_database(
    scene: Scene, host: Host, count: str
) -> None:
    me = scene.start()
    host.begin(me)
    assert not host.look(me)
    assert scene.sessions.beat(me, Totals(**{count: 3}))
    assert not host.look(me)
    # All mail that the daemon remembers is younger than the dump.
    assert scene.sessions.beat(me, Totals(**{count: 2}))
    assert host.look(me)
    assert scene.database.read(restored) is not None
    # It is told once; and another session begins anew.
    before = History(scene.database).now()
    assert not host.look(me)
    assert not host.look(scene.start())
    assert before == History(scene.database).now()


def test_fault_32_an_epoch_that_fell_tells_of_a_restore_though_nothing_else_does(
    scene: Scene, host: Host
) -> None:
    me = scene.start()
    host.begin(me)
    dumped = host.replay.answered
    assert History(scene.database).went_back(dumped)
    assert host.look(me)
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(epoch=dumped))
    assert host.look(me)
    # Above all that anybody has answered.
    assert (host.replay.answered, History(scene.database).now().epoch) == (dumped + 2, dumped + 2)
    assert scene.database.read(restored) is not None


def test_what_cannot_be_read_is_told_and_keeps_nobody_waiting(
    scene: Scene, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    me, claims = host.has_sent(2)
    forget(scene, claims[1])
    assert host.journal.folder is not None
    (host.journal.folder.path / "00000002.journal").mkdir()
    assert host.look(me)
    assert statuses(scene) == ["sent", "sent"]
    assert scene.database.read(unanswered) == ()
    assert "00000002.journal cannot be used" in caplog.text


@pytest.mark.parametrize("known", [False, True])
def test_fault_32_a_start_notices_unless_another_has_before(
    scene: Scene, host: Host, tmp_path: Path, *, known: bool
) -> None:
    me = scene.start()
    claims = [scene.queue.claim(me, 1)[0] for _ in scene.mail(2)]
    # The database knows nothing of the session that its journal names.
    host.begin(uuid4())
    host.sends(me, claims)
    forget(scene, *claims)
    host.dies()
    if known:
        assert History(scene.database).went_back(host.replay.answered)
    again = Host(scene, tmp_path)
    again.begin(scene.start())
    assert statuses(scene) == ["sent", "sent"]
    # The other did not know how far.
    assert scene.database.read(restored) is not None
    assert again.replay.answered == History(scene.database).now().epoch


def test_fault_31_a_host_reads_its_journals_when_another_has_noticed(scene: Scene, host: Host) -> None:
    me, claims = host.has_sent(1)
    forget(scene, *claims)
    host.journal._ended.clear()
    assert not host.look(me)
    assert History(scene.database).went_back(host.replay.answered)
    assert host.look(me)
    assert statuses(scene) == ["sent"]


@pytest.mark.parametrize("other", ["host", "database"])
def test_fault_92_what_is_of_another_host_or_database_tells_nothing(
    scene: Scene, host: Host, other: str
) -> None:
    me, claims = scene.held(1)
    host.begin(me)
    if other == "host":
        host.journal._header = replace(host.journal._header, host="other")
    # Of another epoch, so that it goes into a new file.
    host.journal.turn("other" if other == "database" else host.replay.database, host.replay.answered + 1)
    host.sends(me, claims)
    forget(scene, *claims)
    assert host.look(me)
    assert statuses(scene) == ["pending"]


def test_a_session_that_was_only_lost_is_not_taken_for_a_restore(scene: Scene, host: Host) -> None:
    me = scene.start()
    host.begin(me)
    assert not host.look(me)
    assert scene.sessions.enter(me, SessionState.STOPPED)
    assert not host.look(scene.start())


def test_a_session_that_began_while_the_journals_were_read_keeps_nobody_waiting(
    scene: Scene, host: Host
) -> None:
    me, claims = host.has_sent(2)
    forget(scene, claims[1])
    before = host.replay.answered
    assert host.look(me)
    host.journal.turn(host.replay.database, host.replay.answered)
    # Its heartbeat asked before the journals were read to their end.
    later = uuid4()
    scene.sessions.start(later, host="h", pid=1, version="1", ttl=60.0, epoch=before)
    assert scene.database.read(unanswered)
    assert not host.look(later)
    assert scene.database.read(unanswered) == ()


def away(*_: object, **__: object) -> None:
    raise OperationalError("UPDATE", {}, Exception("gone away"))


@pytest.mark.parametrize("lost", ["session", "beats"])
def test_what_could_not_be_told_is_told_at_the_next_look(
    scene: Scene, host: Host, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    me = uuid4() if lost == "session" else scene.start()
    host.begin(me)
    if lost == "beats":
        assert scene.sessions.beat(me, Totals(sent=1))
        assert not host.look(me)
        assert scene.sessions.beat(me, Totals())
    with monkeypatch.context() as patch:
        patch.setattr(History, "went_back", away)
        with pytest.raises(OperationalError):
            host.look(me)
    assert host.look(me)
    assert scene.database.read(restored) is not None


def test_an_answer_that_the_database_has_not_got_is_given_again(
    scene: Scene, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = scene.start()
    host.begin(me)
    History(scene.database).answer(me, host.replay.answered)
    assert History(scene.database).went_back(host.replay.answered)

    with monkeypatch.context() as patch:
        patch.setattr(History, "answer", away)
        with pytest.raises(OperationalError):
            host.look(me)
    assert scene.database.read(unanswered)
    assert not host.look(me)
    assert scene.database.read(unanswered) == ()


def test_all_wait_from_when_it_is_noticed_on_and_not_only_while_nobody_reads(
    scene: Scene, host: Host
) -> None:
    me, claims = scene.held(2)
    host.begin(me)
    History(scene.database).answer(me, host.replay.answered)
    host.sends(me, claims)
    forget(scene, claims[1])
    assert host.replay.notices(me, host.journal.ended, [])
    assert scene.database.read(unanswered)
    assert statuses(scene) == ["sent", "pending"]
