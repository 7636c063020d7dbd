"""Each role may do what the table in `outbox/store/grants.py` says, and nothing else."""

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from outbox.store.dialects import dialect_of
from outbox.store.grants import READ_ONLY, WHOLE, Action, Role, inserts, letters
from outbox.store.schema import metadata
from tests.roles.conftest import Granted, as_owner
from tests.roles.matrix import TABLES, VIEWS, found, refuses, told

on_postgresql = pytest.mark.parametrize("granted", ["postgresql"], indirect=True)
each_role = pytest.mark.parametrize("role", Role)


def may(connection: Connection, statement: str) -> bool:
    """Tell whether the database lets the user do this, and undo it."""
    transaction = connection.begin()
    try:
        connection.execute(text(statement))
    except DBAPIError as error:
        return not refuses(error)
    finally:
        transaction.rollback()
    return True


def role_may(granted: Granted, role: Role, statement: str) -> bool:
    with create_engine(granted.users[role], poolclass=NullPool).connect() as connection:
        return may(connection, statement)


def test_every_column_of_every_table_has_a_line() -> None:
    lines = {table: set(columns) - {WHOLE} for table, columns in letters().items() if table not in READ_ONLY}
    assert lines == {table.name: set(table.c.keys()) for table in metadata.tables.values()}
    assert {*TABLES, *VIEWS} - set(lines) == READ_ONLY


def test_control_may_do_all_that_an_application_may() -> None:
    assert set() == told(Role.APP, Action.UPDATE) - told(Role.CONTROL, Action.UPDATE)


@each_role
def test_a_role_may_do_what_is_told_and_nothing_else(granted: Granted, role: Role) -> None:
    with create_engine(granted.users[role], poolclass=NullPool).connect() as connection:
        if connection.dialect.name == "mysql":
            # Lax, so that no statement is refused for its values before the rights are looked at.
            connection.execute(text("SET SESSION sql_mode = ''"))
            connection.commit()
        assert told(role, granted.key) == found(connection, may)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (Role.APP, "SELECT mime FROM outbox_message"),
        (Role.APP, "SELECT recipient FROM outbox_delivery"),
        (Role.APP, "INSERT INTO outbox_delivery (status) VALUES ('sent')"),
        (Role.CONTROL, "SELECT mime FROM outbox_message"),
        (Role.CONTROL, "UPDATE outbox_delivery SET recipient = 'eve@example.org'"),
        (Role.CONTROL, "UPDATE outbox_delivery SET fence = 0"),
        (Role.DAEMON, "UPDATE outbox_delivery SET recipient = 'eve@example.org'"),
        (Role.DAEMON, "UPDATE outbox_message SET sender = 'eve@example.org'"),
        (Role.DAEMON, "UPDATE outbox_attempt SET verdict = 'deliver'"),
        (Role.DAEMON, "UPDATE outbox_gate SET paused_at = NULL"),
        (Role.DAEMON, "INSERT INTO outbox_message (id) VALUES (NULL)"),
        (Role.DAEMON, "DELETE FROM outbox_suppression"),
        (Role.READER, "SELECT mime FROM outbox_message"),
        (Role.READER, "UPDATE outbox_delivery SET wish = 'cancel'"),
        (Role.ADMIN, "UPDATE outbox_alembic_version SET version_num = '0001'"),
    ],
)
def test_what_each_role_is_for_does_not_include(granted: Granted, role: Role, statement: str) -> None:
    assert not role_may(granted, role, statement)


@on_postgresql
@pytest.mark.parametrize("role", [Role.APP, Role.CONTROL])
def test_an_application_does_not_change_a_mail_that_it_has_handed_over(granted: Granted, role: Role) -> None:
    assert not role_may(granted, role, "UPDATE outbox_message SET mime = NULL")


@each_role
def test_no_role_makes_a_table(granted: Granted, role: Role) -> None:
    assert not role_may(granted, role, "CREATE TABLE intruder (n INTEGER)")


@on_postgresql
@each_role
@pytest.mark.parametrize("table", ["outbox_delivery", "outbox_attempt"])
def test_the_next_number_is_for_who_inserts_and_only_an_admin_sets_it(
    granted: Granted, role: Role, table: str
) -> None:
    statements = (f"SELECT nextval('{table}_id_seq')", f"SELECT setval('{table}_id_seq', 1000)")
    expected = (inserts(role, table), role is Role.ADMIN)
    assert expected == tuple(role_may(granted, role, statement) for statement in statements)


@on_postgresql
@each_role
def test_the_function_is_for_who_may_insert_mail(granted: Granted, role: Role) -> None:
    # One more of this name: what plain SQL calls may have any arguments.
    function = "outbox_enqueue(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1'"
    with as_owner(granted) as connection:
        connection.execute(text(f"CREATE OR REPLACE FUNCTION {function}"))
        connection.execute(text(dialect_of("postgresql").grants()))
    expected = role in {Role.APP, Role.CONTROL, Role.ADMIN}
    assert expected == role_may(granted, role, "SELECT outbox_enqueue(1)")


@on_postgresql
def test_to_grant_again_takes_away_what_nobody_should_have(granted: Granted) -> None:
    mime = "SELECT mime FROM outbox_message"
    with as_owner(granted) as connection:
        connection.execute(text("GRANT SELECT (mime) ON outbox_message TO outbox_reader"))
        assert role_may(granted, Role.READER, mime)
        connection.execute(text(dialect_of("postgresql").grants()))
    assert not role_may(granted, Role.READER, mime)
