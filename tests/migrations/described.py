"""A database's schema in its own words, so that two of them can be compared."""

import re

from sqlalchemy import Connection, inspect, text

from outbox.store.storage import metadata

_COLUMNS = (
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default "
    "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
    "WHERE table_name LIKE 'outbox!_%' ESCAPE '!' AND table_type = 'BASE TABLE' "
    "AND table_name <> 'outbox_alembic_version' ORDER BY table_name, column_name"
)
_CONSTRAINTS = (
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE conrelid::regclass::text LIKE 'outbox!_%' ESCAPE '!' "
    "AND conrelid::regclass::text <> 'outbox_alembic_version' ORDER BY 1, 2"
)
_INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'outbox!_%' ESCAPE '!' "
    "AND tablename <> 'outbox_alembic_version' ORDER BY 1"
)


def described(connection: Connection) -> list[str]:
    """Return a sorted description of our tables, as exact as the database can give it; views are left out."""
    match connection.dialect.name:
        case "postgresql":
            rows = [
                row for query in (_COLUMNS, _CONSTRAINTS, _INDEXES) for row in connection.execute(text(query))
            ]
            return sorted(map(str, rows))
        case "sqlite":
            master = text(
                "SELECT name, sql FROM sqlite_master WHERE tbl_name LIKE 'outbox!_%' ESCAPE '!' "
                "AND type IN ('table', 'index') AND tbl_name <> 'outbox_alembic_version'"
            )
            return sorted(f"{name} {_parts(sql)}" for name, sql in connection.execute(master))
        case _:
            tables = [name for name in inspect(connection).get_table_names() if name in _tables()]
            shown = [connection.execute(text(f"SHOW CREATE TABLE {name}")).one()[1] for name in tables]
            return sorted(str(_parts(sql)) for sql in shown)


def views(connection: Connection) -> list[str]:
    """Return the names of all views."""
    return sorted(inspect(connection).get_view_names())


def _tables() -> set[str]:
    return {*metadata.tables}


def _parts(sql: str | None) -> list[str]:
    """Return the parts of a CREATE statement in alphabetical order: the order of constraints says nothing.

    SQLite writes a column that was added later behind the last one, on the same line, and its constraint too.
    """
    lines = re.split(r"\n|, | (?=CONSTRAINT )", re.sub(r"AUTO_INCREMENT=\d+ ", "", sql or ""))
    return sorted(part for line in lines if (part := " ".join(line.split()).rstrip(" ,")))
