"""MariaDB 10.6 or newer by PyMySQL; MySQL 8.0.19 or newer speaks the same statements but is not tested."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import event, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError

from outbox.errors import SchemaError, UnsupportedDatabaseError, missing_tables
from outbox.store.dialects.plain import POOL, PlainDialect
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Column, Connection, Engine, Insert, Select, Table, Update
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.exc import DBAPIError

    from outbox.errors import OutboxError
    from outbox.store.dialects.probing import Probe
    from outbox.store.grants import Action, Role

_d = delivery.c

# On its way through another index, or through all of a small table, it would wait for locks on rows that are
# not meant.
BY_ID = "FORCE INDEX (PRIMARY)"
_NO_SUCH_TABLE = 1146
_MIGRATION_WAIT = 600
_ESCAPED = (b"\0", b"\n", b"\r", b"\x1a", b'"', b"'", b"\\")


def _own_end(silence: float) -> str:
    """Return what lets the server end by itself what we have given up, or left behind without a word.

    Else it would wait for a lock for 50 s, and keep its own for eight hours. Both together take no longer
    than we do. MySQL does not know the second.
    """
    half = max(1, int(silence / 2))
    return (
        f"SET SESSION innodb_lock_wait_timeout = {half}"
        f" /*M!100300 , SESSION idle_transaction_timeout = {half} */"
    )


def _number(error: DBAPIError) -> object:
    return next(iter(getattr(error.orig, "args", ())), None)


# A row that a CHECK refuses, on MariaDB and on MySQL, or a trigger by SIGNAL.
_REFUSED = frozenset({4025, 3819, 1644})


def _name_a_refusal(context: ExceptionContext) -> None:
    """Raise IntegrityError for what a CHECK or a trigger refuses, as other drivers do.

    PyMySQL says OperationalError, which stands for a database that may take the same row later.
    """
    if next(iter(context.original_exception.args), None) in _REFUSED:
        raise IntegrityError(context.statement, None, context.original_exception, hide_parameters=True)


class MySQL(PlainDialect):
    """The statements and habits of MariaDB and MySQL."""

    # Deadlock, lock wait timeout, and "record has changed" of innodb_snapshot_isolation.
    retryable: ClassVar[frozenset[int]] = frozenset({1213, 1205, 1020})

    def prepare(self, engine: Engine, silence: float | None) -> None:  # noqa: ARG002 - SQLite wants it
        """Tell what the database refuses from what it cannot do now."""
        event.listen(engine, "handle_error", _name_a_refusal)

    def engine_options(self, silence: float | None) -> dict[str, Any]:
        """Return the arguments of `create_engine` for the daemon.

        READ COMMITTED takes no gap locks, which would make the application's inserts wait for a claim.
        """
        return {
            **POOL,
            "isolation_level": "READ COMMITTED",
            "connect_args": {
                "connect_timeout": 5,
                # For each read and write of the socket, also while the server greets us.
                "read_timeout": silence,
                "write_timeout": silence,
                "init_command": None if silence is None else _own_end(silence),
            },
        }

    def descriptor(self, driver: Any) -> int | None:
        """Return the file descriptor of the driver's socket, for which it has no public word."""
        return int(driver._sock.fileno())  # noqa: SLF001 - see above

    def check_version(self, connection: Connection) -> None:
        """Raise UnsupportedDatabaseError below MariaDB 10.6 or MySQL 8.0.19: SKIP LOCKED and JSON_TABLE."""
        found = connection.dialect.server_version_info or ()
        maria = bool(getattr(connection.dialect, "is_mariadb", False))
        name, oldest = ("MariaDB", (10, 6)) if maria else ("MySQL", (8, 0, 19))
        if tuple(part for part in found if isinstance(part, int)) < oldest:
            raise UnsupportedDatabaseError(
                f"{name} {'.'.join(map(str, found))} is too old. "
                f"Upgrade the server to {'.'.join(map(str, oldest))} or newer."
            )

    def explain(self, error: DBAPIError) -> OutboxError | None:
        """Return what an application can do about `error`, where we know it."""
        missing = _number(error) == _NO_SUCH_TABLE and "outbox_" in str(error.orig)
        return missing_tables() if missing else None

    @contextmanager
    def lock_migrations(self, connection: Connection) -> Iterator[None]:
        """Let one migration run at a time: the lock is the connection's own, since DDL commits here."""
        wanted = text(f"SELECT GET_LOCK(CONCAT('outbox.', DATABASE()), {_MIGRATION_WAIT})")
        if connection.execute(wanted).scalar() != 1:
            raise SchemaError(
                f"Another process has been changing the outbox tables for {_MIGRATION_WAIT} s. "
                "Wait for it, then run this again."
            )
        try:
            yield
            # Who gets the lock next must see the version that was reached.
            connection.exec_driver_sql("COMMIT")
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(CONCAT('outbox.', DATABASE()))"))

    def is_retryable(self, error: DBAPIError) -> bool:
        """Tell whether the same transaction may simply be run again."""
        return _number(error) in self.retryable

    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert:
        """Return the insert into `table` that does nothing when its unique `key` is taken.

        INSERT IGNORE would also swallow a value that is too long.
        """
        return mysql.insert(table).on_duplicate_key_update({column.name: column for column in key})

    def locked(self, statement: Select[Any]) -> Select[Any]:
        """Return the read that also locks: by the primary key, so that it locks nothing else."""
        return super().locked(statement).with_hint(delivery, BY_ID)

    def by_id(self, statement: Update) -> Update:
        """Return the update by the primary key, so that it locks nothing else."""
        return statement.with_hint(BY_ID)

    def by_end(self, statement: Select[Any]) -> Select[Any]:
        """Return the read by the index: with old statistics it would rather sort the whole table."""
        return statement.with_hint(delivery, "FORCE INDEX (outbox_delivery_finished)")

    def read_back(self, statement: Select[Any]) -> Select[Any]:
        """Return the read that follows `insert_or_nothing`.

        Under REPEATABLE READ a plain read does not see the row that made it do nothing; a locking read does.
        """
        return statement.with_for_update(read=True)

    def largest_message(self, connection: Connection) -> int | None:
        """Return the bytes that fit in one packet, less 1 MB for the rest of the statement."""
        packet = connection.execute(text("SELECT @@max_allowed_packet")).scalar_one()
        return int(packet) - 1_048_576

    def undoes_statements_alone(self) -> bool:
        """Tell that it does: after error 1205 a caller may commit what the statements before it have done."""
        return True

    def carried(self, mime: bytes) -> int:
        """Return the bytes of a message on its way to the server: PyMySQL puts a backslash before some.

        What is not ASCII it writes in hexadecimal.
        """
        if not mime.isascii():
            return 2 * len(mime)
        return len(mime) + sum(map(mime.count, _ESCAPED))

    def grants(self) -> str:
        """Return the SQL that gives each role its rights."""
        from outbox.store.dialects.mysql_roles import grants  # noqa: PLC0415 - no application asks

        return grants()

    def rights(self, role: Role) -> dict[str, dict[Action, tuple[str, ...]]]:
        """Return what a role needs, by table and action."""
        from outbox.store.dialects.mysql_roles import KEY  # noqa: PLC0415 - no application asks
        from outbox.store.grants import rights  # noqa: PLC0415 - as above

        return rights(role, key=KEY)

    def probes(self, largest: int) -> Sequence[Probe]:
        """Return what `outbox check` asks; messages have at most `largest` bytes."""
        from outbox.store.dialects.mysql_probes import probes  # noqa: PLC0415 - no application asks

        return probes(largest)
