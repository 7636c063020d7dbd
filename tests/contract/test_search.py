"""What people ask of the outbox reads the same on every database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update

from outbox.intake import Outbox
from outbox.store.batches import FEW
from outbox.store.database import Database
from outbox.store.migration import migrate, script_location
from outbox.store.schema import attempt, delivery
from outbox.store.search import Row, body, deliveries, details, find, schema_version, summaries

OUTBOX = Outbox(sender="Shop <shop@example.com>")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give a database with our tables."""
    database = Database(database_url)
    migrate(database.engine)
    yield database
    database.close()


def enqueue(database: Database, *to: str, key: str | None = None, subject: str = "Hello") -> UUID:
    return database.write(
        lambda connection: OUTBOX.enqueue(
            connection, to=to or ("ada@example.com",), subject=subject, text="", key=key, tags={"order": 7}
        )
    )


def settle(database: Database, recipient: str, status: str) -> None:
    final = {"status": status, "finished_at": datetime.now(UTC)}
    database.write(
        lambda connection: connection.execute(
            update(delivery).where(delivery.c.recipient == recipient).values(final)
        )
    )


def listed(database: Database, *ids: UUID) -> list[Row]:
    return database.read(lambda connection: summaries(connection, ids))


def test_messages_are_summed_up_newest_first_however_many(database: Database) -> None:
    ids = [enqueue(database, subject=str(n)) for n in range(FEW + 3)]
    assert [row["id"] for row in listed(database, *ids)] == sorted(ids, reverse=True)
    assert listed(database) == []


def test_a_message_is_counted_by_recipient(database: Database) -> None:
    mixed = enqueue(database, "a@example.com", "b@example.com", "c@example.com")
    settle(database, "a@example.com", "sent")
    settle(database, "b@example.com", "failed")
    (row,) = listed(database, mixed)
    assert (row["id"], row["recipients"], row["sent"], row["waiting"], row["failed"]) == (mixed, 3, 1, 1, 1)
    assert all(type(row[name]) is int for name in ("sent", "waiting", "failed"))
    assert abs(datetime.now(UTC) - row["oldest_due_at"]) < timedelta(minutes=1)


def test_a_message_is_found_by_id_by_message_id_and_by_key(database: Database) -> None:
    id_ = enqueue(database, key="Order-7")
    for name in (str(id_), id_.hex, f"<{id_.hex}@example.com>", f"{id_.hex}@example.com", "Order-7"):
        assert database.read(lambda connection, name=name: find(connection, name)) == id_  # type: ignore[misc] # mypy infers no lambda with a default
    for name in ("order-7", "Order-7 ", str(uuid4()), "", "<@>"):
        assert database.read(lambda connection, name=name: find(connection, name)) is None  # type: ignore[misc] # as above


def test_a_key_may_look_like_an_id(database: Database) -> None:
    key = str(uuid4())
    id_ = enqueue(database, key=key)
    assert database.read(lambda connection: find(connection, key)) == id_


def test_the_details_hold_recipients_in_order_and_every_attempt(database: Database) -> None:
    id_ = enqueue(database, "b@example.com", "a@example.com")
    rows = database.read(lambda connection: deliveries(connection, id_))
    note = {"delivery_id": rows[1]["id"], "fence": 1, "verdict": "defer", "reply_code": 450, "reply": "later"}
    database.write(lambda connection: connection.execute(insert(attempt), note))
    found = database.read(lambda connection: details(connection, id_))
    assert (found["id"], found["status"], found["tags"], found["subject"]) == (
        id_,
        "pending",
        {"order": 7},
        "Hello",
    )
    assert [row["recipient"] for row in found["deliveries"]] == ["b@example.com", "a@example.com"]
    (tried,) = found["attempts"]
    assert (tried["recipient"], tried["verdict"], tried["reply_code"], tried["late"]) == (
        "a@example.com",
        "defer",
        450,
        False,
    )
    assert tried["at"].utcoffset() == timedelta(0)
    assert "mime" not in found


def test_each_of_two_messages_has_details_and_a_body_of_its_own(database: Database) -> None:
    status_of = {"a@example.com": "sent", "b@example.com": "pending"}
    ids = {enqueue(database, to, subject=f"For {to}"): to for to in status_of}
    settle(database, "a@example.com", "sent")
    for row in database.read(lambda connection: [*connection.execute(select(delivery.c.id))]):
        note = {"delivery_id": row.id, "fence": 1, "verdict": "defer"}
        database.write(lambda connection, note=note: connection.execute(insert(attempt), note))  # type: ignore[misc] # as above
    for id_, to in ids.items():
        found = database.read(lambda connection, id_=id_: details(connection, id_))  # type: ignore[misc] # as above
        assert (found["subject"], found["status"]) == (f"For {to}", status_of[to])
        assert [row["recipient"] for row in (*found["deliveries"], *found["attempts"])] == [to, to]
        mime = database.read(lambda connection, id_=id_: body(connection, id_))  # type: ignore[misc] # as above
        assert f"To: {to}".encode() in (mime or b"")


def test_the_version_of_the_tables_is_known(database: Database) -> None:
    newest = max(path.name[:4] for path in (script_location() / "versions").glob("0*.py"))
    assert database.read(schema_version) == newest
