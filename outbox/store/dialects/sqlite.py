"""SQLite 3.35 or newer, by the standard library: one writer at a time, many readers beside it."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from outbox.errors import DatabaseLockedError, UnsupportedDatabaseError, missing_tables
from outbox.store.dialects.plain import PlainDialect
from outbox.store.filesystem import network_filesystem
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Column, Connection, Insert, Table
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import AsyncEngine

    from outbox.errors import OutboxError
    from outbox.store.dialects.probing import Probe
    from outbox.store.grants import Action, Role

_d = delivery.c

BUSY_TIMEOUT = 10.0
"""Seconds that a connection waits for the write lock."""

_BUSY_TIMEOUT_PRAGMA = f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT * 1000)}"


def prepare_sqlite(engine: Engine | AsyncEngine) -> None:
    """Make an SQLite engine share its file with a working daemon: WAL, a busy timeout, BEGIN IMMEDIATE.

    Call it once, where the engine is made. Every transaction then takes the write lock at its start and waits
    up to 10 seconds for it: keep transactions short, and close sessions that have only read. One that begins
    deferred and writes after it has read is refused at once when another has written in between, whatever
    the busy timeout says. Pages that only read go faster through a second engine without this. Connections
    in AUTOCOMMIT stay as they are. Raises UnsupportedDatabaseError for another database.
    """
    engine = engine if isinstance(engine, Engine) else engine.sync_engine
    if engine.dialect.name != "sqlite":
        raise UnsupportedDatabaseError(
            f"prepare_sqlite() got an engine of {engine.dialect.name}. Call it for SQLite engines only."
        )
    if isinstance(engine.pool, QueuePool):
        # What connected before would miss the pragmas. (An in-memory database lives in its one connection.)
        engine.dispose()
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(dbapi_connection: Any, _record: object) -> None:
    # The driver's own BEGIN is deferred and comes late: with None, the event below is the only one.
    dbapi_connection.isolation_level = None
    _set_pragmas(dbapi_connection)


def _set_pragmas(dbapi_connection: Any, _record: object = None) -> None:
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL loses the last commits at a power cut: a mail that was promised would be gone.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(_BUSY_TIMEOUT_PRAGMA)
    cursor.close()


def _on_begin(connection: Connection) -> None:
    """Take the write lock, asking for it about twice a millisecond.

    SQLite's own wait sleeps longer and longer, up to 100 ms: beside a neighbour that writes all the time it
    hardly ever finds the lock free.
    """
    if _autocommits(connection):
        return  # each statement commits by itself: a BEGIN would take that away, and nobody would commit
    driver = connection.connection.dbapi_connection
    if driver is not None and driver.isolation_level is not None:
        # SQLAlchemy gives a connection that was in AUTOCOMMIT back to the pool with the driver's own BEGIN.
        driver.isolation_level = None
    deadline = time.monotonic() + BUSY_TIMEOUT
    _tell(connection, "PRAGMA busy_timeout = 0")
    try:
        while not _has_begun(connection, last=time.monotonic() > deadline):
            time.sleep(random.uniform(0.0002, 0.0008))  # noqa: S311 - jitter, not a secret
    finally:
        _tell(connection, _BUSY_TIMEOUT_PRAGMA)


def _autocommits(connection: Connection) -> bool:
    option = connection.get_execution_options().get("isolation_level")
    # SQLAlchemy has no public word for the level that create_engine() was given.
    level = option or getattr(connection.engine.dialect, "_on_connect_isolation_level", None)
    return bool(level == "AUTOCOMMIT")


def _tell(connection: Connection, pragma: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(pragma)
    cursor.close()


def _has_begun(connection: Connection, *, last: bool) -> bool:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if last or not _is_busy(error):
            raise
        return False
    return True


def _is_busy(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith("SQLITE_BUSY")


def in_transaction(connection: Connection) -> bool:
    """Tell whether the driver, which alone knows it, is inside a transaction."""
    return bool(getattr(connection.connection.driver_connection, "in_transaction", False))


class SQLite(PlainDialect):
    """The statements and habits of SQLite."""

    oldest: ClassVar[tuple[int, ...]] = (3, 35, 0)

    def engine_options(self, silence: float | None) -> dict[str, Any]:  # noqa: ARG002 - servers want it
        """Return the arguments of `create_engine` for the daemon."""
        return {"connect_args": {"timeout": BUSY_TIMEOUT}}

    def cancel(self, driver: Any) -> None:
        """Interrupt the statement that this connection runs."""
        driver.interrupt()

    def prepare(self, engine: Engine, silence: float | None) -> None:  # noqa: ARG002 - servers want it
        """Give the daemon's writing engine WAL and BEGIN IMMEDIATE."""
        prepare_sqlite(engine)

    def check_version(self, connection: Connection) -> None:
        """Raise UnsupportedDatabaseError below SQLite 3.35, the first with RETURNING, or on a far disk."""
        file = connection.engine.url.database or ""
        if file and (kind := network_filesystem(file)) is not None:
            raise UnsupportedDatabaseError(
                f"The database file {file!r} lies on a network file system ({kind}), where SQLite's locks "
                "cannot be relied on. Put it on a disk of this host, or use PostgreSQL or MariaDB."
            )
        found = connection.dialect.server_version_info or ()
        if found < self.oldest:
            raise UnsupportedDatabaseError(
                f"SQLite {'.'.join(map(str, found))} is too old. "
                "Use a Python built with SQLite 3.35 or newer."
            )

    def explain(self, error: DBAPIError) -> OutboxError | None:
        """Return what an application can do about `error`, where we know it."""
        if self.is_retryable(error):
            return DatabaseLockedError(
                "SQLite is locked: another transaction wrote after this one had begun to read, or held the "
                "lock too long. Call outbox.prepare_sqlite(engine) once where the engine is made, then run "
                "this transaction again from its start."
            )
        return missing_tables() if "no such table: outbox_" in str(error.orig) else None

    def is_retryable(self, error: DBAPIError) -> bool:
        """Tell whether the same transaction may simply be run again: the write lock was held too long."""
        return _is_busy(error)

    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert:
        """Return the insert into `table` that does nothing when its unique `key` is taken."""
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=key)

    def begin_for_savepoint(self, connection: Connection) -> None:
        """Begin the transaction that the driver would begin too late.

        The driver begins one before an INSERT but not before a SAVEPOINT, whose RELEASE would then commit.
        """
        if not in_transaction(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def grants(self) -> str:
        """Raise UnsupportedDatabaseError: whoever opens the file may do everything."""
        raise UnsupportedDatabaseError(
            "SQLite has no roles: whoever may write the file may do everything with the outbox. Let only the "
            "users of the application and the daemon open it: chown, and chmod 660 for the file, 770 for its "
            "directory."
        )

    def rights(self, role: Role) -> dict[str, dict[Action, tuple[str, ...]]]:  # noqa: ARG002 - there are none
        """Return nothing: there are no roles."""
        return {}

    def probes(self, largest: int) -> Sequence[Probe]:
        """Return what `outbox check` asks; messages have at most `largest` bytes."""
        from outbox.store.dialects.sqlite_probes import probes  # noqa: PLC0415 - no application asks

        return probes(largest)

    @contextmanager
    def lock_migrations(self, connection: Connection) -> Iterator[None]:
        """Let one migration run at a time: it holds the write lock from its start."""
        if not in_transaction(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
