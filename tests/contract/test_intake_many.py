"""Many mails go in by a few statements, and are what each would be alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, select

from outbox import Email
from outbox.store import insert
from outbox.store.schema import delivery, message, tag
from tests.contract.scene import Scene

FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that an application sends; many rows of one statement count once."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_batch_may_mix_all_kinds_of_mail_and_keeps_its_order(scene: Scene) -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    batch: list[Any] = [
        FIELDS | {"subject": "0", "key": "a"},
        Email(**FIELDS | {"subject": "1"}),
        FIELDS | {"subject": "2", "send_at": noon, "to": ["a@example.org", "b@example.org"]},
        FIELDS | {"subject": "3", "tags": {"n": 3}},
    ]
    with scene.application.begin() as connection:
        ids = scene.outbox.enqueue_many(connection, iter(batch))
    assert [scene.message(id_).subject for id_ in ids] == ["0", "1", "2", "3"]
    assert scene.count() == 5


def test_no_mails_are_no_work(scene: Scene) -> None:
    with statements(scene.application) as seen, scene.application.begin() as connection:
        assert scene.outbox.enqueue_many(connection, []) == []
    assert [statement for statement in seen if "outbox_" in statement] == []


@pytest.mark.parametrize("keyed", [False, True])
def test_many_mails_take_as_many_statements_as_a_few(scene: Scene, *, keyed: bool) -> None:
    counts = []
    for many in (3, 100):
        batch: list[Any] = [FIELDS | ({"key": f"{many}-{n}"} if keyed else {}) for n in range(many)]
        with scene.application.begin() as connection:
            scene.outbox.enqueue_many(connection, batch[:1])  # the packet size is asked once an engine
            rest = [mail | {"cc": "eve@example.org"} for mail in batch[1:]]
            with statements(scene.application) as seen:
                scene.outbox.enqueue_many(connection, rest)
            counts.append(len(seen))
    # With keys the read that tells who holds them; with them, or on MariaDB, a savepoint and its release.
    savepoint = keyed or scene.application.dialect.name == "mysql"
    # PostgreSQL takes mails without keys, their recipients and tags in one.
    inserts = 1 if scene.application.dialect.name == "postgresql" and not keyed else 2
    assert counts[0] == counts[1] == inserts + keyed + 2 * savepoint


def test_a_thousand_mails_in_one_call(scene: Scene) -> None:
    scene.mail(1000, text="Hello. " * 100)
    assert (scene.count(message), scene.count(delivery)) == (1000, 1000)


def test_many_mails_of_every_kind_are_what_each_would_be_alone(scene: Scene) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    mails: list[Any] = [
        FIELDS | {"text": "a" * 70_000},
        FIELDS | {"cc": ["bob@example.org", "eve@example.org"], "tags": {"order": 1, "vip": True}},
        FIELDS | {"send_at": later, "expires_at": later + timedelta(hours=1), "stream": "bulk"},
        {"to": "ann@example.org", "mime": b"Subject: ready\r\n\r\n\x00\xff\r\n"},
        FIELDS | {"tags": {"order": 2}, "on_doubt": "hold"},
    ]
    with scene.application.begin() as connection:
        together = scene.outbox.enqueue_many(connection, mails)
        alone = [scene.outbox.enqueue(connection, **mail) for mail in mails]

    def stored(id_: UUID) -> Any:
        def ask(connection: Connection) -> Any:
            of_it = select(message).where(message.c.id == id_)
            row = connection.execute(of_it).mappings().one()
            told = ("stream", "sender", "subject", "tags", "on_doubt", "payload_hash")
            deliveries = select(delivery).where(delivery.c.message_id == id_).order_by(delivery.c.n)
            tags = select(tag.c.name, tag.c.value).where(tag.c.message_id == id_).order_by(tag.c.name)
            return (
                {name: row[name] for name in told},
                [
                    (one.n, one.recipient, one.stream, one.status, one.expires_at, one.due_at == later)
                    for one in connection.execute(deliveries)
                ],
                connection.execute(tags).all(),
                row["size"] == len(row["mime"]),
                row["mime"].replace(id_.hex.encode(), b"").partition(b"From")[2],
            )

        return scene.database.read(ask)

    assert [stored(id_) for id_ in together] == [stored(id_) for id_ in alone]
    in_order = select(delivery.c.message_id).where(delivery.c.due_at < later).order_by(delivery.c.id)
    ids = scene.database.read(lambda connection: connection.execute(in_order).scalars().all())
    del together[2], alone[2]
    assert list(dict.fromkeys(ids)) == [*together, *alone]


def test_more_mails_than_one_statement_takes_all_go_in(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insert, "_PORTION", 3)
    monkeypatch.setattr(insert, "_PORTION_SIZE", 2_000)
    sizes = [1, 1, 1, 1, 1_500, 900, 9_000, 1]
    mails: list[Any] = [FIELDS | {"subject": str(n), "text": "a" * size} for n, size in enumerate(sizes)]
    with scene.application.begin() as connection:
        ids = scene.outbox.enqueue_many(connection, mails)
    assert [scene.message(id_).subject for id_ in ids] == [str(n) for n in range(8)]
    assert [len(scene.message(id_).mime) > 9_000 for id_ in ids] == [False] * 6 + [True, False]
