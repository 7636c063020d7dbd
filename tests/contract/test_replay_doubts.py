"""What a journal knows as in doubt goes where its mail says, where the database has forgotten that."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from outbox.mail.status import Move, OnDoubt
from outbox.store.history import History
from outbox.store.schema import attempt, delivery
from tests.contract.ends import record, settlement
from tests.contract.host import DOUBT, SENT, Host, forget, prepared, statuses
from tests.contract.scene import Scene

WHERE_TO = pytest.mark.parametrize(
    ("on_doubt", "status", "reason"),
    [
        (OnDoubt.RESEND, "pending", None),
        (OnDoubt.HOLD, "in_doubt", None),
        (OnDoubt.ASSUME_SENT, "sent", "assumed"),
    ],
)


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> Host:
    return prepared(scene, tmp_path)


def raised(scene: Scene, host: Host) -> None:
    """Let another host find that the database went back."""
    assert History(scene.database).went_back(host.replay.answered)


def snapshot(scene: Scene) -> Any:
    return scene.rows(), scene.attempts()


@WHERE_TO
def test_fault_31_a_doubt_that_was_forgotten_goes_where_its_mail_says_once(
    scene: Scene, host: Host, on_doubt: OnDoubt, status: str, reason: str | None
) -> None:
    me, claims = scene.held(1, on_doubt=on_doubt)
    host.begin(me)
    host.sends(me, claims, DOUBT)
    forget(scene, *claims)
    assert host.look(me)
    (row,) = scene.rows()
    assert (status, reason, 1) == (row.status, row.reason, row.doubts)
    if status == "pending":
        # It may be with the relay: it goes again as late as after a doubt.
        assert scene.since(delivery.c.due_at, row.id) == pytest.approx(-600, abs=30)
    before = snapshot(scene)
    raised(scene, host)
    assert host.look(me)
    assert before == snapshot(scene)


@WHERE_TO
def test_fault_31_a_dot_without_an_answer_of_a_run_that_is_over_is_a_doubt(
    scene: Scene, host: Host, tmp_path: Path, on_doubt: OnDoubt, status: str, reason: str | None
) -> None:
    me, (dotted, sent) = scene.held(2, on_doubt=on_doubt)
    host.begin(me)
    host.dots(me, dotted)
    host.sends(me, [sent])
    host.dies()
    forget(scene, dotted, sent)
    # While this host was down.
    raised(scene, host)
    Host(scene, tmp_path).begin(scene.start())
    first, second = scene.rows()
    assert (status, reason, 1) == (first.status, first.reason, first.doubts)
    assert second.status == "sent"


@WHERE_TO
def test_a_doubt_that_came_back_as_being_sent_under_an_earlier_claim_goes_where_its_mail_says(
    scene: Scene, host: Host, on_doubt: OnDoubt, status: str, reason: str | None
) -> None:
    me, (claim,) = scene.held(1, on_doubt=on_doubt)
    host.begin(me)
    # When the dump was made; then it was given back.
    scene.change(claim.delivery_id, status="pending", session=None)
    claims = scene.queue.claim(me, 1)
    host.sends(me, claims, DOUBT)
    forget(scene, *claims)
    scene.change(claim.delivery_id, status="sending", session=me)
    assert host.look(me)
    # Its daemon knows nothing of that claim any more, and gives it back.
    assert scene.queue.release_unknown(me, []) == 0
    (row,) = scene.rows()
    assert (status, reason, 1, claim.fence) == (row.status, row.reason, row.doubts, row.fence)


def test_what_this_run_still_sends_is_no_doubt(scene: Scene, host: Host) -> None:
    me, (sending, sent) = scene.held(2, on_doubt=OnDoubt.HOLD)
    host.begin(me)
    host.dots(me, sending)
    host.sends(me, [sent])
    forget(scene, sent)
    assert host.look(me)
    assert statuses(scene) == ["sending", "sent"]


@WHERE_TO
def test_what_this_run_still_sends_is_a_doubt_where_another_could_claim_it_beside(
    scene: Scene, host: Host, on_doubt: OnDoubt, status: str, reason: str | None
) -> None:
    me, (sending, sent) = scene.held(2, on_doubt=on_doubt)
    host.begin(me)
    host.dots(me, sending)
    host.sends(me, [sent])
    forget(scene, sending, sent)
    assert host.look(me)
    assert scene.queue.claim(scene.start(), 2) == []
    first, second = scene.rows()
    assert (status, reason, 1) == (first.status, first.reason, first.doubts)
    assert second.status == "sent"
    # Its answer comes.
    record(scene.queue, me, settlement(sending, Move.DELIVER))
    assert statuses(scene) == ["sent", "sent"]


def test_a_doubt_that_was_answered_since_is_none(scene: Scene, host: Host, tmp_path: Path) -> None:
    me, claims = scene.held(1, on_doubt=OnDoubt.HOLD)
    host.begin(me)
    # The answer stands in another file than the dot.
    parcel = host.dots(me, claims[0])
    host.journal._rotate()
    host.journal.answered(parcel, [SENT])
    host.journal.flush()
    host.dies()
    forget(scene, *claims)
    raised(scene, host)
    Host(scene, tmp_path).begin(scene.start())
    (row,) = scene.rows()
    assert (row.status, row.doubts) == ("sent", 0)


@pytest.mark.parametrize(("on_doubt", "doubts"), [(OnDoubt.HOLD, 0), (OnDoubt.RESEND, 2)])
def test_a_doubt_whose_end_the_database_knows_is_told_no_second_time(
    scene: Scene, host: Host, tmp_path: Path, on_doubt: OnDoubt, doubts: int
) -> None:
    me, (claim,) = scene.held(1, on_doubt=on_doubt)
    host.begin(me)
    host.dots(me, claim)
    host.dies()
    # Another daemon has rescued it, and a person has let it go.
    row = {"delivery_id": claim.delivery_id, "fence": claim.fence, "session": me}
    with scene.admin.begin() as connection:
        connection.execute(insert(attempt), row | {"verdict": Move.RESCUE_HOLD.value})
    scene.change(claim.delivery_id, status="pending", session=None, doubts=doubts)
    before = snapshot(scene)
    raised(scene, host)
    Host(scene, tmp_path).begin(scene.start())
    assert before == snapshot(scene)


def test_what_another_session_has_noted_of_the_same_fence_says_nothing_of_a_doubt(
    scene: Scene, host: Host
) -> None:
    me, claims = scene.held(1, on_doubt=OnDoubt.HOLD)
    host.begin(me)
    host.sends(me, claims, DOUBT)
    forget(scene, *claims)
    # The fence went back, too, and was given again.
    row = {"delivery_id": claims[0].delivery_id, "fence": claims[0].fence, "session": scene.start()}
    with scene.admin.begin() as connection:
        connection.execute(insert(attempt), row | {"verdict": Move.DEFER.value})
    raised(scene, host)
    assert host.look(me)
    assert statuses(scene) == ["in_doubt"]
