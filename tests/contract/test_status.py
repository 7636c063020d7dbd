"""Where a mail stands reads the same by `status` as in the tables and the views, on every database."""

import itertools
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import select

import outbox
from outbox import MessageStatus, OnDoubt, Status
from outbox.mail.status import Move, Wish
from outbox.store.schema import message
from outbox.store.search import summaries
from tests.contract.ends import record, settlement
from tests.contract.scene import Scene, in_state


def status(scene: Scene, *named: Any, **which: Any) -> MessageStatus | None:
    return scene.database.read(lambda connection: outbox.status(connection, *named, **which))


def test_a_mail_is_told_with_its_fields_and_the_relay_s_words_for_each_recipient(scene: Scene) -> None:
    me, claims = scene.held(1, to="ann@example.org", key="a", tags={"order": 7}, on_doubt="hold")
    record(scene.queue, me, settlement(claims[0], Move.DEFER))
    told = status(scene, key="a")
    assert told is not None
    (row,) = scene.database.read(lambda connection: connection.execute(select(message)).all())
    assert (told.id, told.created_at, told.stream, told.sender, told.subject, told.message_id, told.size) == (
        (row.id, row.created_at, "default", "shop@example.org", "Hello", row.message_id, row.size)
    )
    assert (told.key, told.tags, told.on_doubt, told.status) == ("a", {"order": 7}, OnDoubt.HOLD, "pending")
    (delivery,) = told.deliveries
    (stored,) = scene.rows()
    assert {name: getattr(stored, name) for name in asdict(delivery)} == asdict(delivery)
    assert (delivery.reply_code, delivery.enhanced_code, delivery.attempts) == (451, "4.7.1", 1)


def test_recipients_are_told_in_their_order_with_what_was_asked(scene: Scene) -> None:
    addresses = ["zoe@example.org", "ann@example.org", "bob@example.org"]
    ids = scene.mail(to=addresses)
    scene.change(ids[1], **in_state("sending"))
    with scene.application.begin() as connection:
        outbox.cancel(connection, scene.row(ids[1]).message_id, recipient=addresses[1])
    told = status(scene, scene.row(ids[0]).message_id)
    assert told is not None
    assert [(each.id, each.recipient, each.status, each.wish) for each in told.deliveries] == [
        (ids[0], addresses[0], Status.PENDING, None),
        (ids[1], addresses[1], Status.SENDING, Wish.CANCEL),
        (ids[2], addresses[2], Status.PENDING, None),
    ]


def test_a_reason_that_somebody_wrote_by_hand_is_told_as_it_is(scene: Scene) -> None:
    (id_,) = scene.mail()
    scene.change(id_, **in_state("cancelled"), reason="customer left")
    told = status(scene, scene.row(id_).message_id)
    assert told is not None
    assert [each.reason for each in told.deliveries] == ["customer left"]


@pytest.mark.parametrize("named", ["<of.another@example.org>", "00000000-0000-0000-0000-000000000000"])
def test_of_mail_that_nobody_knows_there_is_no_status(scene: Scene, named: str) -> None:
    scene.mail()
    assert status(scene, named) is None


def test_a_message_without_deliveries_is_no_mail_as_in_the_view(scene: Scene) -> None:
    id_ = scene.add()
    assert status(scene, id_) is None
    listed = scene.database.read(lambda connection: summaries(connection, [id_]))
    assert listed == []


def test_the_overall_status_is_that_of_the_view(scene: Scene) -> None:
    pairs = [*itertools.combinations(Status, 2), *((status, status) for status in Status)]
    ids = [scene.add(*pair) for pair in pairs]
    listed = scene.database.read(lambda connection: summaries(connection, ids))
    told = [status(scene, id_) for id_ in ids]
    assert {row["id"]: row["status"] for row in listed} == {each.id: each.status for each in told if each}
