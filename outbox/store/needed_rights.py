"""Try, without touching a row, whether this user may do with the tables what a role needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import false, insert, literal_column, null, select, table, update
from sqlalchemy.exc import DBAPIError

from outbox.store.grants import WHOLE, Action
from outbox.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, Executable, Table


def missing_rights(connection: Connection, rights: Mapping[str, Mapping[Action, Sequence[str]]]) -> list[str]:
    """Return the actions that the database refuses, as `UPDATE on outbox_delivery`.

    Each statement stands in a savepoint, and its condition is never true.
    """
    return [
        f"{action} on {name}"
        for name, by_action in rights.items()
        for action, columns in by_action.items()
        for statement in _statements(name, action, columns)
        if not _is_allowed(connection, statement)
    ]


def _is_allowed(connection: Connection, statement: Executable) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    return True


def _statements(name: str, action: Action, columns: Sequence[str]) -> Iterator[Executable]:
    known = metadata.tables.get(name)
    if known is None:
        # A view, or Alembic's table: nobody but the owner writes there.
        yield select(literal_column("1")).select_from(table(name)).where(false())
        return
    meant = _meant(known, columns)
    nothing: dict[str, Any] = {column.name: null() for column in meant}
    match action:
        case Action.SELECT:
            yield select(*meant).where(false())
        case Action.UPDATE:
            yield update(known).where(false()).values(nothing)
        case Action.INSERT:
            yield insert(known).from_select([*nothing], select(*nothing.values()).where(false()))
        case Action.DELETE:
            yield known.delete().where(false())


def _meant(known: Table, columns: Sequence[str]) -> list[Column[Any]]:
    return [*known.c] if WHOLE in columns else [known.c[name] for name in columns]
