"""What a journal knows as sent is recorded again where the database has forgotten it, and nothing else."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError

from outbox.delivery.relay import Relay
from outbox.delivery.retry import RetryPolicy
from outbox.mail.status import Move
from outbox.mail.verdict import Answer, Deferred, Sent, Verdict
from outbox.store.history import History, restored, unanswered
from outbox.store.moves import Claim
from outbox.store.remains import Remains
from outbox.store.schema import SessionState, attempt, meta
from outbox.worker.aftermath import Aftermath
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.options import Options
from outbox.worker.parcel import Parcel
from outbox.worker.replay import Replay
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene

SENT = Sent(Answer(250, "2.0.0", "Ok: queued as 4X"), "4X")
LATER = Deferred("end of data", "later", Answer(451, None, "later"))


class Host:
    """One host's journal, and the daemon that keeps it."""

    def __init__(self, scene: Scene, state: Path) -> None:
        state.mkdir(exist_ok=True)
        options = Options(
            relays=(Relay(name="mx", host="mail.example", port=25),), policy=RetryPolicy(), state_dir=state
        )
        self.scene = scene
        self.remains = Remains(scene.database)
        aftermath = Aftermath(scene.queue, self.remains, options, wait=lambda _: None)
        self.replay = Replay(History(scene.database), self.remains, aftermath)
        self.journal = Journaling(state, "mx", soon=lambda work: work())
        self.journal.open()

    def begin(self, me: UUID) -> None:
        self.replay.begin(self.journal.folder)
        self.journal.turn(self.replay.database, self.replay.answered)
        self.journal.begin(me)

    def sends(self, me: UUID, claims: list[Claim], verdict: Verdict = SENT, by: str = "mx") -> None:
        """Send these, and have the database confirm it."""
        for claim in claims:
            lease = Lease(valid_until=0.0, unbroken_since=0.0, id=me)
            parcel = Parcel(claim.message_id, [claim], lease, 0.0, 1)
            self.journal.begun(parcel, by)
            self.journal.dotted(parcel)
            self.journal.answered(parcel, [verdict])
            end = settlement(claim, Move.DELIVER if isinstance(verdict, Sent) else Move.DEFER)
            record(self.scene.queue, me, [end])
            self.journal.known([end])

    def has_sent(self, count: int) -> tuple[UUID, list[Claim]]:
        """Begin to claim and send so many mails, and return the session and its claims."""
        me, claims = self.scene.held(count)
        self.begin(me)
        self.sends(me, claims)
        return me, claims

    def look(self, me: UUID) -> bool:
        self.replay.notices(me, list(self.journal.ended))
        return self.replay.look(me, History(self.scene.database).now().epoch, self.journal.folder)


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    with scene.admin.begin() as connection:
        connection.execute(update(meta).values(restored_at=None))
    return Host(scene, tmp_path)


def forget(scene: Scene, *claims: Claim) -> None:
    """Let the database know nothing of these claims."""
    with scene.admin.begin() as connection:
        connection.execute(delete(attempt))
    for claim in claims:
        scene.change(
            claim.delivery_id, status="pending", session=None, fence=claim.fence - 1, finished_at=None
        )


def statuses(scene: Scene) -> list[str]:
    return [row.status for row in scene.rows()]


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
    host.journal._folder.close()  # type: ignore[union-attr] # as a process ends
    if known:
        assert History(scene.database).went_back(host.replay.answered)
    again = Host(scene, tmp_path)
    again.begin(scene.start())
    assert statuses(scene) == ["sent", "sent"]
    assert (scene.database.read(restored) is None) == known
    assert again.replay.answered == History(scene.database).now().epoch


def test_fault_31_a_host_reads_its_journals_when_another_has_noticed(scene: Scene, host: Host) -> None:
    me, claims = host.has_sent(1)
    forget(scene, *claims)
    host.journal.ended.clear()
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
    host.journal.turn("other" if other == "database" else host.replay.database, 0)
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


def test_an_answer_that_the_database_has_not_got_is_given_again(
    scene: Scene, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = scene.start()
    host.begin(me)
    History(scene.database).answer(me, host.replay.answered)
    assert History(scene.database).went_back(host.replay.answered)

    def away(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("gone away"))

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
    assert host.replay.notices(me, list(host.journal.ended))
    assert scene.database.read(unanswered)
    assert statuses(scene) == ["sent", "pending"]
