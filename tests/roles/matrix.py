"""Ask a database what a user may do with each column of each table, by doing it where it changes nothing."""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from outbox.store.grants import WHOLE, Action, Role, rights
from outbox.store.migration import VERSION_TABLE
from outbox.store.schema import metadata

Allowed = set[tuple[str, str, str]]
"""Action, table, and column or WHOLE."""

TABLES = {
    **{table.name: table.c.keys() for table in metadata.tables.values()},
    VERSION_TABLE: ["version_num"],
}
VIEWS = ("outbox_status", "outbox_queue", "outbox_wait")
COLUMNS = TABLES | {view: [WHOLE] for view in VIEWS}

_STATEMENTS = {
    "SELECT": "SELECT {column} FROM {table} WHERE 1 = 0",
    "INSERT": "INSERT INTO {table} ({column}) SELECT NULL FROM (SELECT 1 AS one) AS nothing WHERE 1 = 0",
    "UPDATE": "UPDATE {table} SET {column} = NULL WHERE 1 = 0",
}
_OF_THE_WHOLE = {
    "DELETE": "DELETE FROM {table} WHERE 1 = 0",
    "TRUNCATE": "TRUNCATE TABLE {table}",
    "ALTER": "ALTER TABLE {table} ADD COLUMN intruder INTEGER",
    "DROP": "DROP TABLE {table}",
}


def told(role: Role, key: Action | None) -> Allowed:
    """Return what `outbox/store/grants.py` lets a role do."""
    return {
        (action.value, table, column)
        for table, by_action in rights(role, key).items()
        for action, columns in by_action.items()
        for column in _columns(table, action, columns)
    }


def _columns(table: str, action: Action, columns: tuple[str, ...]) -> Iterable[str]:
    return COLUMNS[table] if columns == (WHOLE,) and action is not Action.DELETE else columns


def found(connection: Connection, may: Callable[[Connection, str], bool]) -> Allowed:
    """Return what the user of this connection may do; `may` tries one statement."""
    quote = connection.dialect.identifier_preparer.quote
    statements = {
        (action, table, column): statement.format(table=table, column=quote(column))
        for action, statement in _STATEMENTS.items()
        for table in TABLES
        for column in COLUMNS[table]
    }
    statements |= {
        (action, table, WHOLE): statement.format(table=table)
        for action, statement in _OF_THE_WHOLE.items()
        for table in TABLES
    }
    statements |= {("SELECT", view, WHOLE): f"SELECT * FROM {view} WHERE 1 = 0" for view in VIEWS}
    return {what for what, statement in statements.items() if may(connection, statement)}


# "insufficient_privilege" of PostgreSQL; of MariaDB for a database, a table, a column, and what few may do.
_REFUSALS = {"42501", 1044, 1142, 1143, 1227}


def refuses(error: DBAPIError) -> bool:
    """Tell that the database says that somebody may not do this; anything else is a fault of the test."""
    said = {getattr(error.orig, "sqlstate", None), *getattr(error.orig, "args", ())}
    if said & _REFUSALS:
        return True
    raise error
