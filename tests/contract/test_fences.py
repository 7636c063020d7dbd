"""A fence only ever rises, by one with each claim, whatever becomes of the delivery in between."""

from collections.abc import Callable
from uuid import UUID

import pytest

from outbox.mail.request import Request
from outbox.mail.status import MOVES, Move, Status
from outbox.store.moves import Claim
from outbox.store.requests import ask
from outbox.store.schema import SessionState
from tests.contract.ends import OWNED, record, settlement
from tests.contract.scene import Scene, ago, in_state

Fate = Callable[[Scene, UUID, Claim], object]


def _release_unknown(scene: Scene, me: UUID, _claim: Claim) -> None:
    assert scene.queue.release_unknown(me, []) == 1


def _rescue(scene: Scene, me: UUID, _claim: Claim) -> None:
    scene.sessions.enter(me, SessionState.STOPPED)
    assert scene.queue.rescue() == 1


def _late_success(scene: Scene, _me: UUID, claim: Claim) -> None:
    record(scene.queue, UUID(int=9), settlement(claim, Move.DELIVER))


def _wish_and_release(scene: Scene, me: UUID, claim: Claim) -> None:
    with scene.application.begin() as connection:
        ask(connection, [claim.delivery_id], Request.HOLD, who="ann", note=None)
    record(scene.queue, me, settlement(claim, Move.RELEASE))


def _settle(move: Move) -> Fate:
    return lambda scene, me, claim: record(scene.queue, me, settlement(claim, move))


FATES: dict[str, Fate] = {
    **{move.value: _settle(move) for move in OWNED},
    "release_unknown": _release_unknown,
    "rescue": _rescue,
    "late success": _late_success,
    "wish": _wish_and_release,
}


@pytest.mark.parametrize("fate", FATES)
def test_fault_7_no_fate_resets_a_fence_or_raises_it(scene: Scene, fate: str) -> None:
    (id_,) = scene.mail()
    for fence in (1, 2, 3):
        me = scene.start()
        (claim,) = scene.queue.claim(me, 1)
        assert claim.fence == fence
        FATES[fate](scene, me, claim)
        assert scene.row(id_).fence == fence
        # Whatever it came to, somebody puts it back.
        scene.change(id_, doubts=0, due_at=ago(0), **in_state("pending"))


def test_fault_7_an_expiry_leaves_the_fence(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, fence=4, expires_at=ago(1))
    assert scene.queue.expire() == 1
    assert scene.row(id_).fence == 4


def test_every_way_back_to_the_queue_is_tried_here() -> None:
    waiting = {move for move, edge in MOVES.items() if edge.target is Status.PENDING}
    assert {move.value for move in waiting if not move.value.startswith("rescue")} <= FATES.keys()
