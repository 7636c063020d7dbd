"""What a person sees in plain SQL is what is."""

from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.contract.scene import Scene, ago

PRECEDENCE = ["sending", "pending", "in_doubt", "held", "failed", "expired", "cancelled", "sent"]
"""The overall status of a message is the first of these that any of its recipients has."""


def status_of(scene: Scene, message_id: UUID) -> dict[str, Any]:
    query = text("SELECT * FROM outbox_status")
    rows = scene.database.read(lambda connection: connection.execute(query).mappings().all())
    (found,) = (row for row in rows if UUID(str(row["id"])) == message_id)
    return dict(found)


def queue(scene: Scene) -> dict[tuple[str, str], tuple[int, float]]:
    query = text("SELECT stream, status, deliveries, oldest_due_age FROM outbox_queue")
    rows = scene.database.read(lambda connection: connection.execute(query).all())
    return {(stream, status): (int(deliveries), float(oldest)) for stream, status, deliveries, oldest in rows}


@pytest.mark.parametrize("status", PRECEDENCE)
def test_a_message_of_one_recipient_has_its_status(scene: Scene, status: str) -> None:
    scene.add("pending")
    assert status == status_of(scene, scene.add(status))["status"]


def test_the_least_settled_recipient_decides_the_status_of_a_message(scene: Scene) -> None:
    messages = {pair: scene.add(*pair) for pair in combinations(PRECEDENCE, 2)}
    for (first, second), message_id in messages.items():
        assert first == status_of(scene, message_id)["status"], (first, second)


def test_a_message_counts_its_recipients_by_what_became_of_them(scene: Scene) -> None:
    found = status_of(scene, scene.add(*PRECEDENCE, "sent"))
    assert tuple(int(found[name]) for name in ("recipients", "sent", "waiting", "failed")) == (9, 2, 4, 3)
    assert (found["stream"], found["sender"], found["subject"]) == ("default", "shop@example.org", "Hello")


def test_a_message_tells_when_its_next_recipient_is_due(scene: Scene) -> None:
    mine, settled = scene.add("pending", "pending", "sent"), scene.add("sent")
    first, second, sent, _ = scene.rows()
    scene.change(first.id, due_at=ago(60))
    scene.change(second.id, due_at=ago(3600))
    scene.change(sent.id, due_at=ago(7200))
    raw = text("SELECT due_at FROM outbox_delivery WHERE id = :id")
    oldest = scene.database.read(lambda connection: connection.execute(raw, {"id": second.id}).scalar_one())
    assert oldest == status_of(scene, mine)["oldest_due_at"]
    assert status_of(scene, settled)["oldest_due_at"] is None


def test_the_queue_counts_what_is_unfinished_and_never_history(scene: Scene) -> None:
    scene.add("pending", "pending", "sending", "held", "in_doubt", "in_doubt")
    scene.add("sent", "failed", "expired", "cancelled")
    assert {lane: deliveries for lane, (deliveries, _) in queue(scene).items()} == {
        ("default", "pending"): 2,
        ("default", "sending"): 1,
        ("default", "held"): 1,
        ("default", "in_doubt"): 2,
    }


def test_the_queue_tells_streams_apart_byte_by_byte(scene: Scene) -> None:
    scene.add("pending", "pending", "pending")
    for row, stream in zip(scene.rows(), ["bulk", "Bulk", "bulk "], strict=True):
        scene.change(row.id, stream=stream)
    assert {("bulk", "pending"), ("Bulk", "pending"), ("bulk ", "pending")} == set(queue(scene))


def test_the_queue_tells_the_age_of_the_longest_due_in_seconds(scene: Scene) -> None:
    scene.add("pending", "pending", "held")
    first, second, held = scene.rows()
    scene.change(first.id, due_at=ago(90))
    scene.change(second.id, due_at=ago(86_400 * 3))
    scene.change(held.id, due_at=ago(-600))
    found = queue(scene)
    assert found["default", "pending"][1] == pytest.approx(86_400 * 3, abs=30)
    assert found["default", "held"][1] == 0


def test_an_empty_queue_shows_nothing(scene: Scene) -> None:
    assert queue(scene) == {}
