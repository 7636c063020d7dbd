"""A mail keeps the trace in which it was enqueued, whichever way it came; a daemon reads it with the body."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from outbox import Email, retry
from outbox.store.schema import message
from tests.contract.scene import Scene
from tests.contract.test_asynchronous import run
from tests.support.tracing import page

FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
READY = b"From: shop@example.org\r\nTo: ann@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n"
WAYS: list[list[Any]] = [
    [FIELDS],
    [FIELDS | {"to": ["ann@example.org", "bob@example.org"], "tags": {"order": 7}}],
    [FIELDS | {"key": "order-7"}],
    [{"to": "ann@example.org", "mime": READY}],
    [FIELDS, Email(**FIELDS), FIELDS | {"key": "order-7"}],
    [FIELDS, FIELDS | {"tags": {"order": 7}}],
]


def kept(scene: Scene, ids: list[UUID]) -> list[str | None]:
    found = scene.queue.messages(ids)
    return [found[id_].traceparent for id_ in ids]


@pytest.mark.parametrize("way", WAYS)
def test_every_mail_keeps_the_trace_in_which_it_was_enqueued(scene: Scene, way: list[Any]) -> None:
    with page() as current, scene.application.begin() as connection:
        ids = scene.outbox.enqueue_many(connection, way)
    assert kept(scene, ids) == [current] * len(way)


@pytest.mark.parametrize("way", WAYS)
def test_mail_of_nobody_who_traces_keeps_none(scene: Scene, way: list[Any]) -> None:
    with scene.application.begin() as connection:
        ids = scene.outbox.enqueue_many(connection, way)
    assert kept(scene, ids) == [None] * len(way)


def test_mail_that_waits_for_its_transaction_keeps_the_trace_in_which_it_was_made(scene: Scene) -> None:
    with page() as current:
        mail = scene.outbox.prepare(FIELDS)  # type: ignore[arg-type]
    with page():
        ids = scene.outbox.enqueue_apart(scene.application, [mail])
    assert kept(scene, ids) == [current]


def test_an_asynchronous_application_keeps_its_trace(scene: Scene) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with AsyncSession(engine) as session, session.begin():
            with page() as current:
                id_ = await scene.outbox.enqueue_async(session, **FIELDS)
        assert await asyncio.to_thread(kept, scene, [id_]) == [current]

    run(scene, work)


def test_the_same_mail_under_a_taken_key_keeps_the_first_trace(scene: Scene) -> None:
    keyed: Any = FIELDS | {"key": "order-7"}
    with page() as first, scene.application.begin() as connection:
        one = scene.outbox.enqueue(connection, **keyed)
    with page(), scene.application.begin() as connection:
        assert scene.outbox.enqueue(connection, **keyed) == one
    assert kept(scene, [one]) == [first]


def test_mail_that_is_sent_again_as_a_new_one_keeps_the_trace_of_who_asked(scene: Scene) -> None:
    with page() as first:
        old = scene.mail()
    scene.change(old, status="failed", finished_at=scene.row(old[0]).due_at)
    with page() as second, scene.admin.begin() as connection:
        (change,) = retry(connection, scene.row(old[0]).message_id, as_new=True)
    assert change.new_message_id is not None
    assert kept(scene, [change.message_id, change.new_message_id]) == [first, second]


def test_whatever_plain_sql_has_written_there_is_read(scene: Scene) -> None:
    id_ = scene.add("pending")
    with scene.admin.begin() as connection:
        connection.execute(update(message).where(message.c.id == id_).values(traceparent="Ünï'--"))
    assert kept(scene, [id_]) == ["Ünï'--"]
