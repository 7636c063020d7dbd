"""PostgreSQL 14 or newer, by psycopg 3."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    ARRAY,
    Integer,
    String,
    bindparam,
    event,
    func,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from outbox.errors import UnsupportedDatabaseError, missing_tables
from outbox.mail.status import Status
from outbox.store.dialects.plain import POOL, Inserts, PlainDialect, edges_in
from outbox.store.dialects.postgresql_insert import MANY_MAILS, ONE_MAIL
from outbox.store.dialects.postgresql_roles import grants
from outbox.store.moves import CLAIMED, IN_LANE, NAME, OUTCOME_TYPES, Claim, as_json, outcome
from outbox.store.schema import delivery
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Column, ColumnElement, Connection, Engine, Insert, Table
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.types import TypeEngine

    from outbox.errors import OutboxError
    from outbox.store.dialects.probing import Probe

_d = delivery.c


def _one_of(name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
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

# The CTE is what bounds the claim: a bare `IN (SELECT … LIMIT n)` may be run again by a nested loop and
# take more than n. FOR UPDATE already keeps it from being inlined; MATERIALIZED says so to the reader.
_due = (
    select(_d.id, _d.fence)
    .where(IN_LANE)
    .order_by(_d.due_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("due")
    .prefix_with("MATERIALIZED")
)
_CLAIM = (
    update(delivery)
    # The lock proved the status, and the fence that no claim came between snapshot and lock. Naming the
    # status again would let stale statistics use the partial index here: all pending rows for each claimed.
    .where(_d.id == _due.c.id, _d.fence == _due.c.fence)
    .values(
        status=Status.SENDING.value,
        session=bindparam("holder", type_=Guid),
        fence=_d.fence + 1,
        wish=null(),
    )
    .returning(*CLAIMED)
)

# From line to line by the index, one step for each: DISTINCT would read all that waits.
_EDGES = edges_in(
    """WITH RECURSIVE edge AS (
        (SELECT stream, lane, due_at FROM outbox_delivery WHERE status = 'pending'
        ORDER BY stream, lane, due_at LIMIT 1)
        UNION ALL
        SELECT next.stream, next.lane, next.due_at FROM edge, LATERAL (
            SELECT d.stream, d.lane, d.due_at FROM outbox_delivery d
            WHERE d.status = 'pending' AND (d.stream, d.lane) > (edge.stream, edge.lane)
            ORDER BY d.stream, d.lane, d.due_at LIMIT 1) AS next)
    SELECT stream, lane, due_at, due_at <= now() AS is_due, now() AS now FROM edge"""
)

# A replica that is promoted counts one up; the first eight hexadecimal digits of a WAL file's name tell it.
# What `pg_control_checkpoint()` says is as old as the last checkpoint; and who recovers names no file.
_TIMELINE = text(
    """SELECT CASE WHEN NOT pg_is_in_recovery() THEN
    CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS bit(32)) AS int) END"""
)

# One JSON text, read on the server, as on MariaDB: one parameter instead of an array for each column.
# Session and fence travel with the rows: with a constant instead, stale statistics make it quadratic.
_v = (
    text(
        """SELECT * FROM json_to_recordset(CAST(:outcomes AS json)) AS j(
        id bigint, message_id uuid, fence int, session uuid, status text, delay double precision, judged int,
        doubt int, told int, final int, relay text, reply_code smallint, enhanced_code text,
        reply text, queue_id text, reason text, source text)"""
    )
    .columns(**OUTCOME_TYPES, source=String)
    .subquery("v")
)
_VERDICT = dict(_v.c.items())
_RECORD = (
    update(delivery)
    .where(
        # Only the primary key may find the rows. A literal status would offer the index of held ones, which
        # keeps a dead entry for each mail sent since the last vacuum: 7 ms where this takes 1.6.
        _d.id == _one_of("ids", _d.id.type),
        _d.id == _v.c.id,
        _d.message_id == _v.c.message_id,
        _d.fence == _v.c.fence,
        _d.session == _v.c.session,
        _d.status == _v.c.source,
    )
    .ordered_values(*outcome(_VERDICT))
    .returning(*NAME)
)

# As one JSON text, too: psycopg's executemany takes six times as long for 200 rows. It is a pipeline besides,
# which ends with a Flush, behind which the server does not count how long a transaction is idle.
_NOTE = text(
    """INSERT INTO outbox_attempt (delivery_id, fence, session, relay, stage, reply_code, enhanced_code,
        reply, detail, verdict, late, bytes_written, waited)
    SELECT * FROM json_to_recordset(CAST(:notes AS json)) AS j(
        delivery_id bigint, fence int, session uuid, relay text, stage text, reply_code smallint,
        enhanced_code text, reply text, detail text, verdict text, late boolean, bytes_written bigint,
        waited double precision)"""
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
    edges_of_lines = _EDGES
    timeline = _TIMELINE
    inserts: ClassVar[Inserts | None] = Inserts(ONE_MAIL, MANY_MAILS)

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
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(f"BEGIN; {limit}"))

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

    def claim(
        self, connection: Connection, session: UUID, lane: Mapping[str, Any], limit: int
    ) -> list[Claim]:
        """Claim at most `limit` due deliveries of a lane, given as the parameters of IN_LANE."""
        parameters = {**lane, "holder": session, "limit": limit}
        return [Claim.from_row(row) for row in connection.execute(_CLAIM, parameters)]

    def record(
        self,
        connection: Connection,
        rows: Sequence[dict[str, Any]],
        *,
        apart: bool,  # noqa: ARG002 - for others
    ) -> set[tuple[int, UUID, int]]:
        """Apply outcome rows where their claim still holds; return the claims that changed."""
        parameters = {"outcomes": as_json(rows), "ids": [row["id"] for row in rows]}
        changed = connection.execute(_RECORD, parameters)
        return {(id_, message_id, fence) for id_, message_id, fence in changed}

    def note(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write attempt rows."""
        notes = json.dumps([{**row, "session": row["session"].hex} for row in rows])
        connection.execute(_NOTE, {"notes": notes})

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list: an array, so one statement for any length."""
        return column == _one_of(name, column.type)

    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert:
        """Return the insert into `table` that does nothing when its unique `key` is taken."""
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)

    def grants(self) -> str:
        """Return the SQL that gives each role its rights."""
        return grants()

    def probes(self, largest: int) -> Sequence[Probe]:
        """Return what `outbox check` asks; messages have at most `largest` bytes."""
        from outbox.store.dialects.postgresql_probes import probes  # noqa: PLC0415 - no application asks

        return probes(largest)
