"""An upgrade loses nothing, and what the release before writes still fits."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, literal, text, update

from alembic import command
from outbox import SchemaError, migrate
from outbox.store.clock import utc_after
from outbox.store.migration import _config
from outbox.store.schema import session
from tests.migrations.described import described

TABLES = ("outbox_message", "outbox_delivery", "outbox_attempt", "outbox_session")
SESSION = "0" * 31 + "7"
TAGS = '{"order": 7, "to whom": "Ünï", "paid": true, "lines": [1, 2], "note": null}'
NEWER = {"bytes_written", "waited", "lane", "wish", "announced", "who", "epoch", "erased_at", "traceparent"}
"""The columns that a later version than the first one added."""
OLDER = {"retry"}
"""The columns that a later version took away."""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def go(engine: Engine, way: Any, version: str) -> None:
    with engine.begin() as connection:
        way(_config(connection=connection), version)


_FIRST_INSERTS = (
    """INSERT INTO outbox_message (id, stream, sender, subject, message_id, mime, size, tags, payload_hash,
        on_doubt)
        VALUES (:id, 'default', 'shop@example.org', 'Hello', :message_id, :mime, 26, :tags, '0', 'hold')
    """,
    """INSERT INTO outbox_delivery (message_id, n, recipient, stream, size)
        VALUES (:id, 0, 'ann@example.org', 'default', 26)""",
)


def enqueue_as_the_first_release_does(connection: Connection) -> None:
    """Insert a mail by the columns of 0001."""
    id_ = uuid4()
    values = {
        "id": id_ if connection.dialect.name == "postgresql" else id_.hex,
        "message_id": f"<{id_.hex}@example.org>",
        "mime": b"Subject: Hello\r\n\r\nHello.\r\n",
        "tags": TAGS,
    }
    for statement in _FIRST_INSERTS:
        connection.execute(text(statement), values)


def write_as_the_first_release_does(engine: Engine, session: str) -> None:
    """Enqueue a mail, and write of it what the daemon of 0001 wrote."""
    with engine.begin() as connection:
        enqueue_as_the_first_release_does(connection)
        (id_,) = connection.execute(text("SELECT max(id) FROM outbox_delivery")).one()
        connection.execute(
            text(
                "INSERT INTO outbox_session (id, host, pid, version, ttl, state) "
                "VALUES (:session, 'host', 1, '1', 60, 'lost')"
            ),
            {"session": session},
        )
        connection.execute(
            text(
                "UPDATE outbox_delivery SET status = 'sending', session = :session, fence = 1 WHERE id = :id"
            ),
            {"session": session, "id": id_},
        )
        connection.execute(
            text(
                "INSERT INTO outbox_attempt (delivery_id, fence, session, relay, stage, detail, verdict) "
                "VALUES (:id, 1, :session, 'main', 'end of data', 'no answer', 'doubt_resend')"
            ),
            {"session": session, "id": id_},
        )


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        return {
            table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
            for table in TABLES
        }


def without_newer(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [{name: value for name, value in row.items() if name not in NEWER | OLDER} for row in rows]
        for table, rows in found.items()
    }


def test_tables_with_mail_in_them_are_upgraded_without_loss(engine: Engine) -> None:
    go(engine, command.upgrade, "0001")
    write_as_the_first_release_does(engine, SESSION)
    before = contents(engine)
    migrate(engine)
    after = contents(engine)
    assert without_newer(before) == without_newer(after)
    assert [len(rows) for rows in after.values()] == [1, 1, 1, 1]
    (attempt,) = after["outbox_attempt"]
    assert [attempt["bytes_written"], attempt["waited"]] == [None, None]


def test_the_first_release_still_writes_after_the_upgrade(engine: Engine) -> None:
    migrate(engine)
    write_as_the_first_release_does(engine, SESSION)
    assert [len(rows) for rows in contents(engine).values()] == [1, 1, 1, 1]


def test_the_way_back_to_the_first_version_keeps_its_rows(engine: Engine) -> None:
    go(engine, command.upgrade, "0001")
    with engine.connect() as connection:
        first = described(connection)
    migrate(engine)
    write_as_the_first_release_does(engine, SESSION)
    before = contents(engine)
    go(engine, command.downgrade, "0001")
    assert without_newer(before) == without_newer(contents(engine))
    with engine.connect() as connection:
        assert first == described(connection)


def test_a_retry_keeps_its_lane_through_the_upgrade_and_back(engine: Engine) -> None:
    go(engine, command.upgrade, "0002")
    with engine.begin() as connection:
        for _ in range(2):
            enqueue_as_the_first_release_does(connection)
        (id_,) = connection.execute(text("SELECT max(id) FROM outbox_delivery")).one()
        connection.execute(text("UPDATE outbox_delivery SET retry = true WHERE id = :id"), {"id": id_})
    migrate(engine)
    assert [row["lane"] for row in contents(engine)["outbox_delivery"]] == [0, 1]
    go(engine, command.downgrade, "0002")
    assert [bool(row["retry"]) for row in contents(engine)["outbox_delivery"]] == [False, True]


class _InterruptedError(Exception):
    """What ends an upgrade between two of its statements."""


def _upgraded_with_interruptions(engine: Engine) -> int:
    """Upgrade, end it before its first statement that changes tables, then before its second, and so on.

    Return how often it was ended.
    """
    left = 0

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _InterruptedError

    def watch(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("ALTER", "DROP", "CREATE", "UPDATE")):
            count()

    event.listen(engine, "before_cursor_execute", watch)
    for interruptions in range(100):
        left = interruptions
        try:
            migrate(engine)
        except _InterruptedError:
            continue
        event.remove(engine, "before_cursor_execute", watch)
        return interruptions
    raise AssertionError("it never ends")


def test_an_upgrade_that_was_interrupted_goes_on_where_it_was(engine: Engine) -> None:
    go(engine, command.upgrade, "0002")
    write_as_the_first_release_does(engine, SESSION)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_delivery SET retry = true, rescues = 2"))
    before = contents(engine)
    assert _upgraded_with_interruptions(engine) >= 4
    (delivery,) = contents(engine)["outbox_delivery"]
    (unchanged,) = before["outbox_delivery"]
    assert (delivery["lane"], delivery["rescues"]) == (1, 0)
    assert delivery["recipient"] == unchanged["recipient"]
    with engine.connect() as connection:
        interrupted = described(connection)
    go(engine, command.downgrade, "0002")
    migrate(engine)
    with engine.connect() as connection:
        assert interrupted == described(connection)


def test_tags_become_rows_to_search_by(engine: Engine) -> None:
    go(engine, command.upgrade, "0003")
    with engine.begin() as connection:
        enqueue_as_the_first_release_does(connection)
        connection.execute(text("UPDATE outbox_message SET tags = :tags"), {"tags": TAGS})
        enqueue_as_the_first_release_does(connection)
        connection.execute(text("UPDATE outbox_message SET tags = NULL WHERE tags IS NULL"))
    migrate(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT name, value, count(*) FROM outbox_tag GROUP BY name, value"))
        assert {tuple(row) for row in found} == {
            ("order", "7", 2),
            ("to whom", "Ünï", 2),
            ("paid", "true", 2),
        }


def test_gates_stay_as_they_are_through_the_upgrade_and_back(engine: Engine) -> None:
    go(engine, command.upgrade, "0003")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO outbox_gate (kind, name, recipients, fault) VALUES ('relay', 'mx', 50, 'down')")
        )
    kept = text("SELECT kind, name, pipelining, recipients, fault FROM outbox_gate")
    migrate(engine)
    with engine.begin() as connection:
        assert [tuple(row) for row in connection.execute(kept)] == [("relay", "mx", None, 50, "down")]
        connection.execute(text("INSERT INTO outbox_gate (kind, name) VALUES ('stream', 'bulk')"))
    go(engine, command.downgrade, "0003")
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(kept)] == [("relay", "mx", None, 50, "down")]


def test_a_full_queue_on_postgresql_is_vacuumed_early(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    migrate(engine)
    with engine.connect() as connection:
        wanted = "SELECT reloptions FROM pg_class WHERE oid = 'outbox_delivery'::regclass"
        options = connection.execute(text(wanted)).scalar_one()
    engine.dispose()
    assert "autovacuum_vacuum_scale_factor=0.01" in options
    assert "autovacuum_vacuum_cost_delay=0" in options


def test_fault_42_tables_do_not_change_under_a_working_daemon(engine: Engine) -> None:
    go(engine, command.upgrade, "0002")
    write_as_the_first_release_does(engine, SESSION)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_session SET state = 'running'"))
    before = contents(engine)
    with pytest.raises(SchemaError, match=r"process 1 on host.*Stop all daemons first.*60 s more"):
        migrate(engine)
    assert before == contents(engine)
    with engine.begin() as connection:
        connection.execute(update(session).values(beat_at=utc_after(literal(-61.0))))
    migrate(engine)


def test_tables_that_are_up_to_date_may_be_migrated_beside_a_daemon(engine: Engine) -> None:
    migrate(engine)
    write_as_the_first_release_does(engine, SESSION)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox_session SET state = 'running'"))
    migrate(engine)
