"""PostgreSQL 14 or newer, by psycopg 3."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Integer,
    String,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql

from outbox.errors import UnsupportedDatabaseError, missing_tables
from outbox.mail.status import Status
from outbox.store.dialects.plain import PlainDialect
from outbox.store.moves import CLAIMED, OUTCOME_TYPES, Claim, as_json, is_due, outcome
from outbox.store.schema import delivery
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Column, ColumnElement, Connection, Insert, Table
    from sqlalchemy.exc import DBAPIError

    from outbox.errors import OutboxError

_d = delivery.c

_MIGRATION = 0x6F757462_6F78  # "outbox", as a number of its own among the database's advisory locks

# The CTE is what bounds the claim: a bare `IN (SELECT … LIMIT n)` may be run again by a nested loop and
# take more than n. FOR UPDATE already keeps it from being inlined; MATERIALIZED says so to the reader.
_due = (
    select(_d.id, _d.fence)
    .where(is_due(bindparam("lane_stream", type_=String), bindparam("lane_retry", type_=Boolean)))
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
    .values(status=Status.SENDING.value, session=bindparam("holder", type_=Guid), fence=_d.fence + 1)
    .returning(*CLAIMED)
)

# One JSON text, read on the server, as on MariaDB: one parameter instead of an array for each column.
# Session and fence travel with the rows: with a constant instead, stale statistics make it quadratic.
_v = (
    text(
        """SELECT * FROM json_to_recordset(CAST(:outcomes AS json)) AS j(
        id bigint, fence int, session uuid, status text, delay double precision, judged int,
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
        _d.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))),
        _d.id == _v.c.id,
        _d.fence == _v.c.fence,
        _d.session == _v.c.session,
        _d.status == _v.c.source,
    )
    .values(outcome(_VERDICT))
    .returning(_d.id)
)


class PostgreSQL(PlainDialect):
    """The statements and habits of PostgreSQL."""

    oldest: ClassVar[tuple[int, ...]] = (14,)
    retryable: ClassVar[frozenset[str]] = frozenset({"40001", "40P01"})

    def engine_options(self) -> dict[str, Any]:
        """Return the daemon's arguments of `create_engine`: a dead server is noticed, not waited for."""
        return {
            "connect_args": {
                "connect_timeout": 5,
                "application_name": "outbox",
                "client_encoding": "utf8",
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 15_000,
            }
        }

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
        self, connection: Connection, session: UUID, stream: str, limit: int, *, retry: bool
    ) -> list[Claim]:
        """Claim at most `limit` due deliveries of a lane for `session`."""
        parameters = {"holder": session, "lane_stream": stream, "lane_retry": retry, "limit": limit}
        return [Claim.from_row(row) for row in connection.execute(_CLAIM, parameters)]

    def record(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> set[int]:
        """Apply outcome rows where their claim still holds; return the ids that changed."""
        parameters = {"outcomes": as_json(rows), "ids": [row["id"] for row in rows]}
        return set(connection.execute(_RECORD, parameters).scalars())

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list: an array, so one statement for any length."""
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))

    def insert_or_nothing(self, table: Table, *key: Column[Any]) -> Insert:
        """Return the insert into `table` that does nothing when its unique `key` is taken."""
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)
