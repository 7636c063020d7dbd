"""What differs by database, one file a database; `dialect_of` is the only place that chooses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from outbox.errors import UnsupportedDatabaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import (
        Column,
        ColumnElement,
        Connection,
        Engine,
        Executable,
        Insert,
        Select,
        Table,
        TextClause,
        Update,
    )
    from sqlalchemy.exc import DBAPIError

    from outbox.errors import OutboxError
    from outbox.store.dialects.plain import Inserts
    from outbox.store.dialects.probing import Probe
    from outbox.store.grants import Action, Role
    from outbox.store.lanes import Edge
    from outbox.store.moves import Claim

# The file of each, imported when it is asked for: a process speaks to one kind of database.
_DIALECTS = {
    "postgresql": ("postgresql", "PostgreSQL"),
    "mysql": ("mysql", "MySQL"),
    "mariadb": ("mysql", "MySQL"),
    "sqlite": ("sqlite", "SQLite"),
}


class StoreDialect(Protocol):
    """What the store asks of a database; each method is documented where it is implemented."""

    timeline: ClassVar[TextClause | None]

    def engine_options(self, silence: float | None) -> dict[str, Any]: ...  # noqa: D102 - documented where implemented
    def prepare(self, engine: Engine, silence: float | None) -> None: ...  # noqa: D102 - documented where implemented
    def has_begun(self, driver: Any) -> bool: ...  # noqa: D102 - documented where implemented
    def cancel(self, driver: Any) -> None: ...  # noqa: D102 - documented where implemented
    def descriptor(self, driver: Any) -> int | None: ...  # noqa: D102 - documented where implemented
    def check_version(self, connection: Connection) -> None: ...  # noqa: D102 - documented where implemented
    def explain(self, error: DBAPIError) -> OutboxError | None: ...  # noqa: D102 - documented where implemented
    def is_retryable(self, error: DBAPIError) -> bool: ...  # noqa: D102 - documented where implemented
    def inserts(self) -> Inserts | None: ...  # noqa: D102 - documented where implemented
    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert: ...  # noqa: D102 - documented where implemented
    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]: ...  # noqa: D102 - documented where implemented
    def locked(self, statement: Select[Any]) -> Select[Any]: ...  # noqa: D102 - documented where implemented
    def by_id(self, statement: Update) -> Update: ...  # noqa: D102 - documented where implemented
    def by_end(self, statement: Select[Any]) -> Select[Any]: ...  # noqa: D102 - documented where implemented
    def read_back(self, statement: Select[Any]) -> Select[Any]: ...  # noqa: D102 - documented where implemented
    def largest_message(self, connection: Connection) -> int | None: ...  # noqa: D102 - documented where implemented
    def carried(self, mime: bytes) -> int: ...  # noqa: D102 - documented where implemented
    def undoes_statements_alone(self) -> bool: ...  # noqa: D102 - documented where implemented
    def lock_migrations(self, connection: Connection) -> AbstractContextManager[None]: ...  # noqa: D102 - documented where implemented
    def begin_for_savepoint(self, connection: Connection) -> None: ...  # noqa: D102 - documented where implemented
    def grants(self) -> str: ...  # noqa: D102 - documented where implemented
    def rights(self, role: Role) -> dict[str, dict[Action, tuple[str, ...]]]: ...  # noqa: D102 - documented where implemented
    def probes(self, largest: int) -> Sequence[Probe]: ...  # noqa: D102 - documented where implemented


class DaemonDialect(Protocol):
    """What the daemon asks besides: only it claims, and writes verdicts down."""

    lending: ClassVar[str | None]
    sent_lately: ClassVar[Executable]

    def edges(self, connection: Connection) -> tuple[list[Edge], datetime]: ...  # noqa: D102 - documented where implemented
    def claim(  # noqa: D102 - documented where implemented
        self, connection: Connection, session: UUID, lane: Mapping[str, Any], limit: int
    ) -> list[Claim]: ...
    def record(  # noqa: D102 - documented where implemented
        self, connection: Connection, rows: Sequence[dict[str, Any]], *, apart: bool
    ) -> set[tuple[int, UUID, int]]: ...
    def note(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None: ...  # noqa: D102 - documented where implemented


def dialect_of(name: str) -> StoreDialect:
    """Return the store's dialect for a SQLAlchemy dialect name, or raise UnsupportedDatabaseError."""
    made: StoreDialect = _made(name)
    return made


def daemon_dialect_of(name: str) -> DaemonDialect:
    """Return the daemon's dialect for a SQLAlchemy dialect name, or raise UnsupportedDatabaseError."""
    made: DaemonDialect = _made(name, "daemon")
    return made


def _made(name: str, of: str = "") -> Any:
    if name not in _DIALECTS:
        raise UnsupportedDatabaseError(
            f"The outbox does not run on {name!r}. Use SQLite, PostgreSQL or MariaDB/MySQL."
        )
    file, its_name = _DIALECTS[name]
    module = import_module(f"outbox.store.dialects.{file}{of and '_'}{of}")
    return getattr(module, f"{its_name}{of.capitalize()}")()
