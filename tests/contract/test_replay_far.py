"""How far a database went back, and what tells that it did where no end is lost."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from outbox.journal.record import Key
from outbox.mail.status import OnDoubt
from outbox.store.batches import FEW
from outbox.store.history import History, restored
from outbox.store.moves import Claim
from outbox.store.schema import SessionState, session
from outbox.store.sessions import Totals
from outbox.worker.housekeeping import SESSIONS_KEPT
from outbox.worker.replay import NEAR
from tests.contract.host import Host, forget, prepared, statuses
from tests.contract.scene import Scene


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    return prepared(scene, tmp_path)


def names(*claims: Claim) -> list[Key]:
    return [Key(claim.message_id, claim.n, claim.fence) for claim in claims]


def begun(scene: Scene, host: Host) -> UUID:
    """Begin a session whose row names the epoch that this host has answered."""
    me = scene.start()
    host.begin(me)
    assert not host.look(me)
    return me


def sent(scene: Scene, host: Host, me: UUID, count: int = 1) -> list[Claim]:
    scene.mail(count)
    claims = scene.queue.claim(me, count)
    host.sends(me, claims)
    return claims


@pytest.mark.parametrize(("ago", "asked"), [(NEAR - 1, False), (NEAR, True)])
def test_a_daemon_that_has_just_begun_and_lost_all_its_ends_asks_nobody(
    scene: Scene, host: Host, ago: float, *, asked: bool
) -> None:
    me = scene.start()
    host.begin(me)
    host.now += ago - NEAR
    assert not host.look(me)
    forget(scene, *sent(scene, host, me))
    # However long the database was away: nobody had anything confirmed meanwhile.
    host.now += 10 * NEAR
    assert host.look(me)
    assert statuses(scene) == ["sent"]
    assert (scene.database.read(restored) is not None) == asked


def test_nor_does_one_that_has_just_read_its_journals(scene: Scene, host: Host) -> None:
    me = begun(scene, host)
    assert History(scene.database).went_back(host.replay.answered)
    assert host.look(me)
    host.journal.turn(host.replay.database, host.replay.answered)
    host.now += NEAR - 1
    assert not host.look(me)
    forget(scene, *sent(scene, host, me))
    assert host.look(me)
    assert scene.database.read(restored) is None


def test_fault_32_one_whose_row_names_an_earlier_epoch_asks_a_person(scene: Scene, host: Host) -> None:
    me = begun(scene, host)
    assert History(scene.database).went_back(host.replay.answered)
    assert host.look(me)
    host.journal.turn(host.replay.database, host.replay.answered)
    assert not host.look(me)
    forget(scene, *sent(scene, host, me))
    # The dump was made before the first lapse, and somebody has raised the epoch since.
    with scene.admin.begin() as connection:
        connection.execute(update(session).values(epoch=host.replay.answered - 1))
    assert host.look(me)
    assert scene.database.read(restored) is not None


@pytest.mark.parametrize(("slept", "went_back"), [(SESSIONS_KEPT - 1, True), (SESSIONS_KEPT + 1, False)])
def test_a_host_that_slept_until_its_session_was_pruned_stops_nobody(
    scene: Scene, host: Host, slept: float, *, went_back: bool
) -> None:
    me = begun(scene, host)
    assert not host.look(me)
    with scene.admin.begin() as connection:
        connection.execute(delete(session).where(session.c.id == me))
    host.now += slept
    epoch = History(scene.database).now().epoch
    assert host.look(me) == went_back
    # Its next beat has it begin another.
    assert not host.look(scene.start())
    assert (scene.database.read(restored) is not None) == went_back
    assert History(scene.database).now().epoch == epoch + went_back


def test_fault_31_a_failover_that_loses_only_a_claim_is_noticed_once(scene: Scene, host: Host) -> None:
    me = begun(scene, host)
    sent(scene, host, me)
    scene.mail(2)
    first, last = scene.queue.claim(me, 2)
    host.claimed = names(first, last)
    epoch = History(scene.database).now().epoch
    assert not host.look(me)
    forget(scene, last)
    assert host.look(me)
    assert History(scene.database).now().epoch == epoch + 1
    # All that is remembered is there: it went back no further.
    assert scene.database.read(restored) is None
    host.claimed = []
    assert not host.look(me)


def test_of_many_claims_the_last_tell(scene: Scene, host: Host) -> None:
    me = begun(scene, host)
    scene.mail(FEW + 1)
    claims = sorted(scene.queue.claim(me, FEW + 1), key=lambda claim: claim.delivery_id)
    host.claimed = names(*claims)
    forget(scene, claims[0])
    assert not host.look(me)
    forget(scene, claims[1])
    assert host.look(me)


@pytest.mark.parametrize(
    ("on_doubt", "status"), [(OnDoubt.RESEND, "pending"), (OnDoubt.HOLD, "in_doubt")], ids=str
)
def test_fault_31_a_start_notices_that_the_last_claim_was_lost(
    scene: Scene, host: Host, tmp_path: Path, on_doubt: OnDoubt, status: str
) -> None:
    me, (kept, lost) = scene.held(2, on_doubt=on_doubt)
    host.begin(me)
    host.sends(me, [kept])
    host.dots(me, lost)
    host.dies()
    forget(scene, lost)
    Host(scene, tmp_path).begin(scene.start())
    first, second = scene.rows()
    assert (first.status, second.status, second.doubts) == ("sent", status, 1)
    assert scene.database.read(restored) is None


def died_in_order(scene: Scene, host: Host, count: int) -> UUID:
    """Count so many ends of a session, see that the journal notes it, and stop."""
    me = begun(scene, host)
    assert scene.sessions.beat(me, Totals(sent=count))
    assert not host.look(me)
    assert scene.sessions.enter(me, SessionState.STOPPED)
    host.journal.close()
    return me


@pytest.mark.parametrize("less", [1, 0])
def test_fault_32_a_start_notices_that_the_row_of_the_last_session_says_less_than_its_journal(
    scene: Scene, host: Host, tmp_path: Path, *, less: int
) -> None:
    # All mail that the journal names is younger than the dump.
    me = died_in_order(scene, host, 3)
    with scene.admin.begin() as connection:
        connection.execute(update(session).where(session.c.id == me).values(sent=3 - less))
    epoch = History(scene.database).now().epoch
    Host(scene, tmp_path).begin(scene.start())
    assert History(scene.database).now().epoch == epoch + less
    assert (scene.database.read(restored) is not None) == bool(less)


def test_fault_32_what_a_beat_has_not_hidden_is_found_by_the_next_look(scene: Scene, host: Host) -> None:
    me = begun(scene, host)
    assert scene.sessions.beat(me, Totals(sent=3), host.replay.counted(me))
    assert not host.look(me)
    with scene.admin.begin() as connection:
        connection.execute(update(session).values(sent=2))
    # Before the look, over a new connection.
    assert not scene.sessions.beat(me, Totals(sent=4), host.replay.counted(me))
    assert host.look(me)
    # From now on it beats again.
    assert scene.sessions.beat(me, Totals(sent=4), host.replay.counted(me))
    assert not host.look(me)
    assert host.replay.counted(scene.start()) == 0
