"""A limit leaves few places in each claim; nobody has them all, neither fresh mail nor what comes again."""

from collections import Counter

import pytest

from outbox.mail.status import Lane
from tests.contract.scene import Scene


def both(scene: Scene) -> None:
    """Have more of each lane than is claimed."""
    scene.change(scene.mail(40), lane=int(Lane.RETRY))
    scene.mail(40)


def claimed(scene: Scene, claims: int, *, limit: int, room: int | None) -> Counter[Lane]:
    me = scene.start()
    found = [scene.queue.claim(me, limit, room=lambda _: room) for _ in range(claims)]
    return Counter(claim.lane for some in found for claim in some)


@pytest.mark.parametrize(("room", "claims"), [(1, 8), (7, 2), (8, 1)])
def test_retries_take_half_of_the_room_of_their_stream(scene: Scene, room: int, claims: int) -> None:
    both(scene)
    lanes = claimed(scene, claims, limit=20, room=room)
    assert lanes == {Lane.RETRY: room * claims // 2, Lane.FRESH: room * claims // 2}


def test_retries_take_the_room_that_no_fresh_mail_needs(scene: Scene) -> None:
    scene.change(scene.mail(10), lane=int(Lane.RETRY))
    scene.mail(1)
    assert claimed(scene, 1, limit=20, room=5) == {Lane.RETRY: 4, Lane.FRESH: 1}


def test_claims_of_one_leave_nobody_waiting_for_ever(scene: Scene) -> None:
    both(scene)
    rescued, *_ = scene.mail(5)
    scene.change(rescued, lane=int(Lane.ALONE))
    assert claimed(scene, 3, limit=1, room=None) == {Lane.FRESH: 3}
    assert claimed(scene, 5, limit=1, room=None) == {Lane.FRESH: 3, Lane.RETRY: 1, Lane.ALONE: 1}
