"""Mail enters in the application's own transaction, which alone decides whether it exists."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.schema import CreateSchema, DropSchema

from outbox import Email, OnDoubt, Outbox, OutboxError, TemplateError
from outbox.mail.status import Status
from outbox.store.schema import delivery, message
from outbox.store.storage import metadata
from tests.contract.scene import Scene

FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
NOON = datetime(2030, 1, 1, 12, 0, 0, 250, tzinfo=UTC)


def of_session(engine: Engine) -> Session:
    return Session(engine)


def of_scoped_session(engine: Engine) -> scoped_session[Session]:
    return scoped_session(sessionmaker(engine))


def of_connection(engine: Engine) -> Connection:
    return engine.connect()


@pytest.fixture(params=[of_session, of_scoped_session, of_connection])
def transaction(request: pytest.FixtureRequest, scene: Scene) -> Iterator[Any]:
    make: Callable[[Engine], Any] = request.param
    transaction = make(scene.application)
    yield transaction
    transaction.close()


def test_a_mail_exists_when_the_application_commits(scene: Scene, transaction: Any) -> None:
    id_ = scene.outbox.enqueue(transaction, **FIELDS)
    transaction.commit()
    assert scene.message(id_).subject == "Hello"
    assert [(id_, 0, "ann@example.org", "pending")] == [
        (row.message_id, row.n, row.recipient, row.status) for row in scene.rows()
    ]


def test_a_mail_never_was_when_the_application_rolls_back(scene: Scene, transaction: Any) -> None:
    scene.outbox.enqueue(transaction, **FIELDS)
    scene.outbox.enqueue_many(transaction, [FIELDS | {"key": "a"}, FIELDS])  # type: ignore[list-item]
    transaction.rollback()
    assert (scene.count(message), scene.count(delivery)) == (0, 0)


def test_enqueuing_never_commits(scene: Scene, transaction: Any) -> None:
    scene.outbox.enqueue(transaction, **FIELDS)
    scene.outbox.enqueue_many(transaction, [FIELDS | {"key": "a"}, FIELDS])  # type: ignore[list-item]
    # Seen from another connection there is nothing yet.
    assert (scene.count(message), scene.count(delivery)) == (0, 0)
    transaction.commit()
    assert (scene.count(message), scene.count(delivery)) == (3, 3)


def test_a_savepoint_of_the_application_takes_its_mails_along(scene: Scene, transaction: Any) -> None:
    kept = scene.outbox.enqueue(transaction, **FIELDS)
    savepoint = transaction.begin_nested()
    scene.outbox.enqueue(transaction, **FIELDS)
    savepoint.rollback()
    transaction.commit()
    assert [kept] == [row.message_id for row in scene.rows()]


def test_a_connection_may_be_used_before_it_has_begun_anything(scene: Scene) -> None:
    with scene.application.connect() as connection:
        scene.outbox.enqueue(connection, **FIELDS)
        connection.commit()
        scene.outbox.enqueue(connection, **FIELDS)
        connection.rollback()
    assert scene.count() == 1


def test_every_recipient_gets_a_delivery_of_its_own(scene: Scene) -> None:
    scene.mail(to=["Ann <ann@example.org>", "bob@example.org"], cc="eve@example.org", bcc="ann@example.org")
    assert [(row.n, row.recipient) for row in scene.rows()] == [
        (0, "ann@example.org"),
        (1, "bob@example.org"),
        (2, "eve@example.org"),
    ]


def test_a_new_delivery_is_pending_fresh_and_unclaimed(scene: Scene) -> None:
    scene.mail()
    (row,) = scene.rows()
    assert row.size == len(scene.queue.messages([row.message_id])[row.message_id].mime)
    assert (
        row.status,
        row.lane,
        row.attempts,
        row.fence,
        row.rescues,
        row.doubts,
    ) == (Status.PENDING, False, 0, 0, 0, 0)
    assert {None} == {row.session, row.expires_at, row.judged_at, row.finished_at, row.reply, row.reason}


def test_ids_are_uuids_of_version_7_in_the_order_of_the_calls(scene: Scene) -> None:
    with scene.application.begin() as connection:
        before = int(datetime.now(UTC).timestamp() * 1000)
        ids = scene.outbox.enqueue_many(connection, [FIELDS] * 3)  # type: ignore[list-item]
        after = int(datetime.now(UTC).timestamp() * 1000)
    assert [id_.version for id_ in ids] == [7, 7, 7]
    assert all(before <= id_.int >> 80 <= after for id_ in ids)
    assert ids == [row.message_id for row in scene.rows()]
    assert f"<{ids[0].hex}@example.org>" == scene.message(ids[0]).message_id


def test_an_email_and_its_fields_are_the_same_mail(scene: Scene) -> None:
    with scene.application.begin() as connection:
        first = scene.outbox.enqueue(connection, Email(**FIELDS, key="order-4711"))
        # Another payload would raise KeyConflictError.
        second = scene.outbox.enqueue(connection, **FIELDS, key="order-4711")
    assert first == second


def test_only_a_key_needs_to_know_what_it_stands_for(scene: Scene) -> None:
    with scene.application.begin() as connection:
        keyed = scene.outbox.enqueue(connection, **FIELDS, key="order-4711")
        free = scene.outbox.enqueue(connection, **FIELDS)
    assert (len(scene.message(keyed).payload_hash), scene.message(free).payload_hash) == (64, "")


def test_the_options_of_a_mail_reach_its_rows(scene: Scene) -> None:
    with scene.application.begin() as connection:
        id_ = scene.outbox.enqueue(
            connection,
            **FIELDS,
            sender="Orders <orders@example.org>",
            key="order-1",
            send_at=NOON,
            expires_at=NOON + timedelta(hours=1),
            on_doubt=OnDoubt.HOLD,
            tags={"order": 4711, "name": "Jürgen"},
        )
    mail, (row,) = scene.message(id_), scene.rows()
    assert (row.due_at, row.expires_at) == (NOON, NOON + timedelta(hours=1))
    assert (mail.sender, mail.idempotency_key, mail.on_doubt) == ("orders@example.org", "order-1", "hold")
    assert mail.tags == {"order": 4711, "name": "Jürgen"}
    assert (mail.stream, row.stream) == ("default", "default")


def test_a_mail_for_later_waits_and_one_for_the_past_does_not(scene: Scene) -> None:
    (later,) = scene.mail(send_at=datetime.now(UTC) + timedelta(hours=1))
    (past,) = scene.mail(send_at=datetime.now(UTC) - timedelta(days=9))
    assert [past] == [claim.delivery_id for claim in scene.queue.claim(scene.start(), 10)]
    assert scene.row(later).status == "pending"


@pytest.mark.parametrize("key", [None, "receipt-1"])
@pytest.mark.parametrize("shared_url", ["postgresql"], indirect=True)
def test_a_mail_goes_into_the_schema_into_which_the_application_puts_its_tables(
    scene: Scene, key: str | None
) -> None:
    tenant = scene.admin.execution_options(schema_translate_map={None: "tenant"})
    with tenant.begin() as connection:
        connection.execute(CreateSchema("tenant"))
    try:
        with tenant.begin() as connection:
            metadata.create_all(connection)
            scene.outbox.enqueue(connection, to="ann@example.org", subject="Hello", text="Hello.", key=key)
            assert connection.execute(select(delivery.c.recipient)).scalars().all() == ["ann@example.org"]
        assert scene.rows() == []
    finally:
        with scene.admin.begin() as connection:
            connection.execute(DropSchema("tenant", cascade=True))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"template": "a"}, "'name' is undefined"),
        ({"template": "nobody"}, "not found"),
        ({"template": "a", "locale": "french"}, "is no language tag"),
        ({"template": "link", "context": {}}, "leads nowhere"),
        ({"template": "style", "context": {}}, "CSS"),
        ({"text": "x", "attachments": [Path("/none.pdf")]}, "attachments: cannot be read"),
        ({"text": "x", "attachments": [Path("/")]}, "attachments: cannot be read"),
    ],
)
def test_a_template_or_an_attachment_that_fails_queues_nothing(
    scene: Scene, tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    for name, html in (("a", "{{ name }}"), ("link", '<a href="/x">'), ("style", "<style>p {</style>")):
        (tmp_path / f"{name}.subject").write_text("s")
        (tmp_path / f"{name}.html").write_text(html)
    shop = Outbox(sender="shop@example.org", templates=tmp_path)
    good: Any = {"to": "ann@example.org", "text": "Hello."}
    bad: Any = {"to": "bob@example.org"} | fields
    with scene.application.begin() as connection, pytest.raises(OutboxError, match=problem):
        shop.enqueue_many(connection, [good, bad])
    assert (scene.count(message), scene.count()) == (0, 0)


def test_the_limit_of_a_mail_stops_its_template(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "a.subject").write_text("s")
    (tmp_path / "a.txt").write_text("{% for i in range(99999) %}endless{% endfor %}")
    shop = Outbox(sender="shop@example.org", templates=tmp_path, sandboxed=True, max_size=10_000)
    with scene.application.begin() as connection, pytest.raises(TemplateError, match="more than 10,000"):
        shop.enqueue(connection, to="ann@example.org", template="a")
    assert scene.count(message) == 0
