"""An attempt in doubt says how much of the mail had left, and how long its answer was awaited."""

import pytest

from outbox.mail.status import Move
from outbox.mail.verdict import Evidence
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import Scene

DOUBTS = [Move.DOUBT_RESEND, Move.DOUBT_HOLD, Move.DOUBT_ASSUME]


@pytest.mark.parametrize("move", DOUBTS)
@pytest.mark.parametrize("evidence", [Evidence(5, 0.0), Evidence(3_000_000_000, 600.123456789)])
def test_a_doubt_leaves_its_evidence_to_the_last_digit(scene: Scene, move: Move, evidence: Evidence) -> None:
    me, (claim,) = scene.held()
    record(scene.queue, me, settlement(claim, move, evidence=evidence))
    (row,) = scene.attempts()
    assert (evidence.written, evidence.waited) == (row.bytes_written, row.waited)


def test_a_late_doubt_leaves_its_evidence_too(scene: Scene) -> None:
    me, (claim,) = scene.held()
    scene.change(claim.delivery_id, status="pending", session=None)
    record(scene.queue, me, settlement(claim, Move.DOUBT_RESEND, evidence=Evidence(1234, 2.5)))
    (row,) = scene.attempts()
    assert (row.late, row.bytes_written, row.waited) == (True, 1234, 2.5)


@pytest.mark.parametrize("move", OWNED)
def test_what_is_no_doubt_has_no_evidence(scene: Scene, move: Move) -> None:
    me, (claim,) = scene.held()
    record(scene.queue, me, settlement(claim, move, noted=True))
    (row,) = scene.attempts()
    assert (row.bytes_written, row.waited) == (None, None)


def test_ends_with_and_without_evidence_are_written_in_one_batch(scene: Scene) -> None:
    me, (plain, doubted) = scene.held(2)
    ends = [settlement(plain, Move.DEFER), settlement(doubted, Move.DOUBT_HOLD, evidence=Evidence(7, 1.5))]
    record(scene.queue, me, ends)
    assert [(row.bytes_written, row.waited) for row in scene.attempts()] == [(None, None), (7, 1.5)]
