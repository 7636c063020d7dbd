"""Who may call the function has no other right, and cannot turn it into something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from tests.contract.by_sql import enqueue, recipients


@contextmanager
def role(engine: Engine, *grants: str) -> Iterator[Engine]:
    """Make a role with these rights and no others; give an engine on which it is logged in."""
    name = f"app_{uuid4().hex[:8]}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
        for grant in grants:
            connection.exec_driver_sql(f"GRANT {grant} TO {name}")
    other = create_engine(make_url(engine.url).set(username=name, password="secret"))
    try:
        yield other
    finally:
        other.dispose()
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")


_EXECUTE = "EXECUTE ON FUNCTION outbox_enqueue"


def test_a_role_needs_to_execute_it_and_nothing_else(emptied: Engine) -> None:
    with role(emptied, _EXECUTE) as app, app.begin() as connection:
        enqueue(connection, key="one")
        for table in ("outbox_message", "outbox_delivery"):
            with pytest.raises(DBAPIError, match="permission denied"), connection.begin_nested():
                connection.exec_driver_sql(f"SELECT 1 FROM {table}")
    with emptied.connect() as connection:
        assert recipients(connection) == ["ada@example.org"]


def test_nobody_may_execute_it_unasked(emptied: Engine) -> None:
    with role(emptied) as app, pytest.raises(DBAPIError) as raised, app.begin() as connection:
        enqueue(connection)
    assert isinstance(raised.value.orig, InsufficientPrivilege)


def test_a_caller_cannot_put_names_of_its_own_in_the_way(emptied: Engine) -> None:
    traps = (
        """CREATE TEMP TABLE outbox_message (
            id uuid, stream text, sender text, subject text, message_id text, mime bytea, size int,
            tags jsonb, idempotency_key text UNIQUE, payload_hash text, on_doubt text)""",
        """CREATE TEMP TABLE outbox_delivery (message_id uuid, n int, recipient text, stream text, size int,
            due_at timestamptz, expires_at timestamptz)""",
        "SET search_path = pg_temp, public",
    )
    with role(emptied, _EXECUTE) as app, app.begin() as connection:
        for trap in traps:
            connection.exec_driver_sql(trap)
        enqueue(connection)
    with emptied.connect() as connection:
        assert recipients(connection) == ["ada@example.org"]


@pytest.mark.parametrize("address", ["a\nb@example.org", "a<b@example.org", "a@b@example.org", "a b@c.d"])
def test_a_caller_cannot_change_how_its_patterns_are_read(emptied: Engine, address: str) -> None:
    with role(emptied, _EXECUTE) as app, app.begin() as connection:
        connection.exec_driver_sql("SET standard_conforming_strings = off")
        with pytest.raises(DBAPIError) as raised:
            enqueue(connection, recipients=[address])
    assert isinstance(raised.value.orig, InvalidParameterValue)
