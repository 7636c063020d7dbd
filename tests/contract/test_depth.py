"""What a monitoring system is told of the queue is what is there, on every database."""

import pytest

from outbox.mail.status import Status
from outbox.store.depth import Depth, depths
from tests.contract.scene import Scene, ago


def test_the_depth_has_a_line_a_stream_and_status_and_no_history(scene: Scene) -> None:
    scene.add("pending", "pending", "sending", "sent", "failed", "held", "in_doubt")
    first, *_ = scene.rows()
    scene.change(first.id, due_at=ago(600))
    found = {each.status: each for each in scene.database.read(depths)}
    counts = {status: each.deliveries for status, each in found.items()}
    assert counts == {Status.PENDING: 2, Status.SENDING: 1, Status.HELD: 1, Status.IN_DOUBT: 1}
    assert {each.stream for each in found.values()} == {"default"}
    assert found[Status.PENDING].oldest_due_age == pytest.approx(600, abs=60)
    assert isinstance(found[Status.PENDING], Depth)


def test_an_empty_queue_has_no_depth(scene: Scene) -> None:
    assert scene.database.read(depths) == []


def test_a_claim_tells_for_how_long_the_delivery_was_due(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, due_at=ago(600))
    (claim,) = scene.queue.claim(scene.start(), 1)
    assert claim.due_ago == pytest.approx(600, abs=60)
