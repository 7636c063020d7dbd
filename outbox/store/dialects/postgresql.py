"""PostgreSQL 14 or newer, by psycopg 3."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import ARRAY, bindparam, event, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from outbox.errors import UnsupportedDatabaseError, missing_tables
from outbox.store.dialects.plain import POOL, Inserts, PlainDialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Engine, Insert, Table
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.types import TypeEngine

    from outbox.errors import OutboxError
    from outbox.store.dialects.probing import Probe


def one_of(name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return what is to be compared with `=` to a list, the parameter `name`, by an index.

    The planner sees the length of a list that is given as it is, and reads a whole table of up to a few
    hundred pages for so many ids where it does not know better. For one that a query makes it counts on ten.
    """
    return func.any(func.array(select(func.unnest(bindparam(name, type_=ARRAY(type_)))).scalar_subquery()))


_CANCEL_TIMEOUT = 5
# Classes of SQLSTATE that speak of the server, the connection or the tables; all others are about the rows.
_SERVICE = frozenset(
    {"08", "0A", "25", "26", "28", "2D", "34", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "XX"}
)
_MIGRATION = 0x6F757462_6F78  # "outbox", as a number of its own among the database's advisory locks

# A replica that is promoted counts one up; the first eight hexadecimal digits of a WAL file's name tell it.
# What `pg_control_checkpoint()` says is as old as the last checkpoint; and who recovers names no file.
_TIMELINE = text(
    """SELECT CASE WHEN NOT pg_is_in_recovery() THEN
    CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS bit(32)) AS int) END"""
)


def _execute_in_binary(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Execute what asks for an answer in binary; tell whether this was such a statement."""
    if not context.execution_options.get("in_binary"):
        return False
    cursor.execute(statement, parameters, binary=True)
    return True


def _name_a_refusal(context: ExceptionContext) -> None:
    """Raise IntegrityError for what a trigger refuses by a RAISE, as if it were a constraint."""
    state = getattr(context.original_exception, "sqlstate", None)
    if state and state[:2] not in _SERVICE:
        raise IntegrityError(context.statement, None, context.original_exception, hide_parameters=True)


class PostgreSQL(PlainDialect):
    """The statements and habits of PostgreSQL."""

    oldest: ClassVar[tuple[int, ...]] = (14,)
    retryable: ClassVar[frozenset[str]] = frozenset({"40001", "40P01"})
    timeline = _TIMELINE

    def engine_options(self, silence: float | None) -> dict[str, Any]:
        """Return the daemon's arguments of `create_engine`: a dead server is noticed, not waited for.

        Nothing here is state of a session, so that PgBouncer may hand each transaction another one.
        """
        return {
            **POOL,
            "connect_args": {
                # PgBouncer older than 1.21 in transaction mode mixes up the statements that its clients have
                # prepared; and one that was prepared while the table was small might keep its plan.
                "prepare_threshold": None,
                # For the whole of it: also a server that takes the connection and then says nothing.
                "connect_timeout": 5,
                # `prepare` says BEGIN in the driver's place.
                "autocommit": silence is not None,
                "application_name": "outbox",
                "client_encoding": "utf8",
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 15_000,
            },
        }

    def prepare(self, engine: Engine, silence: float | None) -> None:
        """Let the server end by itself the transaction that we have left behind without a word.

        Else a route that is lost under it would leave its locks held for two hours. A session that remembered
        the limit would be PgBouncer's: so each BEGIN says it, in the same packet. It is half of our patience:
        the locks are free when the same work is tried again.
        """
        event.listen(engine, "do_execute", _execute_in_binary)
        event.listen(engine, "handle_error", _name_a_refusal)
        if silence is not None:
            limit = f"SET LOCAL idle_in_transaction_session_timeout = {int(silence * 500)}"

            def begin(connection: Connection) -> None:
                connection.exec_driver_sql(f"BEGIN; {limit}")

            event.listen(engine, "begin", begin)

    def has_begun(self, driver: Any) -> bool:
        """Tell whether a driver that would commit each statement is inside a transaction all the same."""
        # 0 is idle, with psycopg and with its predecessor.
        return bool(getattr(getattr(driver, "info", None), "transaction_status", 0))

    def cancel(self, driver: Any) -> None:
        """Ask the server to give up what this connection waits for, so that its locks are free again."""
        driver.cancel_safe(timeout=_CANCEL_TIMEOUT)

    def descriptor(self, driver: Any) -> int | None:
        """Return the file descriptor of the driver's socket."""
        return int(driver.fileno())

    def check_version(self, connection: Connection) -> None:
        """Raise UnsupportedDatabaseError below PostgreSQL 14, or for a database that is not in UTF-8."""
        found = connection.dialect.server_version_info or ()
        if found < self.oldest:
            raise UnsupportedDatabaseError(
                f"PostgreSQL {'.'.join(map(str, found))} is too old. Upgrade the server to 14 or newer."
            )
        encoding = connection.execute(text("SHOW server_encoding")).scalar()
        if encoding != "UTF8":
            raise UnsupportedDatabaseError(
                f"The database's encoding is {encoding}, which cannot hold every subject or answer. "
                "Create one in UTF-8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )

    def explain(self, error: DBAPIError) -> OutboxError | None:
        """Return what an application can do about `error`, where we know it."""
        missing = getattr(error.orig, "sqlstate", None) == "42P01" and "outbox_" in str(error.orig)
        return missing_tables() if missing else None

    @contextmanager
    def lock_migrations(self, connection: Connection) -> Iterator[None]:
        """Let one migration run at a time; the lock ends with the transaction."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION})
        yield

    def is_retryable(self, error: DBAPIError) -> bool:
        """Tell whether the same transaction may simply be run again."""
        return getattr(error.orig, "sqlstate", None) in self.retryable

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list: an array, so one statement for any length."""
        return column == one_of(name, column.type)

    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert:
        """Return the insert into `table` that does nothing when its unique `key` is taken."""
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)

    def inserts(self) -> Inserts | None:
        """Return the statements that insert all of a mail at once."""
        from outbox.store.dialects.postgresql_insert import MANY_MAILS, ONE_MAIL  # noqa: PLC0415 - not to read

        return Inserts(ONE_MAIL, MANY_MAILS)

    def grants(self) -> str:
        """Return the SQL that gives each role its rights."""
        from outbox.store.dialects.postgresql_roles import grants  # noqa: PLC0415 - no application asks

        return grants()

    def probes(self, largest: int) -> Sequence[Probe]:
        """Return what `outbox check` asks; messages have at most `largest` bytes."""
        from outbox.store.dialects.postgresql_probes import probes  # noqa: PLC0415 - no application asks

        return probes(largest)
