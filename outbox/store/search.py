"""What people and commands ask of the outbox: reads only, and each row as a plain mapping of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, bindparam, select

from outbox.mail.identity import id_in
from outbox.store.migration import VERSION_TABLE
from outbox.store.schema import attempt, delivery, message
from outbox.store.types import ByteExact, Guid, UtcDateTime

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Select

Row = dict[str, Any]
"""A row by column names; times are aware, ids are UUIDs."""

# The views stand apart from the schema's metadata, from which tables are created.
_views = MetaData()
_summary = Table(
    "outbox_status",
    _views,
    Column("id", Guid),
    Column("created_at", UtcDateTime),
    Column("status", String),
    Column("recipients", Integer),
    Column("sent", Integer),
    Column("waiting", Integer),
    Column("failed", Integer),
    Column("sender", String),
    Column("subject", Text),
    Column("message_id", String),
    Column("idempotency_key", ByteExact(200)),
    Column("stream", String),
    Column("oldest_due_at", UtcDateTime),
)
_version = Table(VERSION_TABLE, _views, Column("version_num", String))

_LIMIT = bindparam("most", type_=Integer)
# UUIDv7 sort by their time and stand in an index, so the view need not look at every message.
_NEWEST = select(message.c.id).order_by(message.c.id.desc()).limit(_LIMIT)
# As values: the view would be made whole for a subquery.
_IDS = bindparam("ids", expanding=True, type_=Guid)
_LIST = select(_summary).where(_summary.c.id.in_(_IDS)).order_by(_summary.c.id.desc())
_LIST_BY_STATUS = (
    select(_summary)
    .where(_summary.c.status == bindparam("status"))
    .order_by(_summary.c.id.desc())
    .limit(_LIMIT)
)

_BY_ID = select(message.c.id).where(message.c.id == bindparam("id", type_=Guid))
_BY_KEY = select(message.c.id).where(
    message.c.idempotency_key == bindparam("key", type_=message.c.idempotency_key.type)
)
_MESSAGE = select(*(column for column in message.c if column.name not in {"mime", "payload_hash"})).where(
    message.c.id == bindparam("id", type_=Guid)
)
_STATUS = select(_summary.c.status).where(_summary.c.id == bindparam("id", type_=Guid))
_DELIVERIES = (
    select(*(column for column in delivery.c if column.name not in {"message_id", "stream", "size"}))
    .where(delivery.c.message_id == bindparam("id", type_=Guid))
    .order_by(delivery.c.n)
)
_ATTEMPTS = (
    select(
        attempt.c.at,
        delivery.c.recipient,
        *(column for column in attempt.c if column.name not in {"at", "id"}),
    )
    .join(delivery, delivery.c.id == attempt.c.delivery_id)
    .where(delivery.c.message_id == bindparam("id", type_=Guid))
    .order_by(attempt.c.id)
)


def summaries(connection: Connection, *, status: str | None, limit: int) -> list[Row]:
    """Return one row of `outbox_status` a message, newest first."""
    if status is None:
        newest = connection.execute(_NEWEST, {"most": limit}).scalars().all()
        return _rows(connection, _LIST, ids=newest)
    return _rows(connection, _LIST_BY_STATUS, most=limit, status=status)


def find(connection: Connection, name: str) -> UUID | None:
    """Return the id of the message that `name` means: its id, its Message-ID or its idempotency key."""
    id_ = id_in(name)
    found = connection.execute(_BY_ID, {"id": id_}).scalar() if id_ else None
    return found or find_by_key(connection, name)


def find_by_key(connection: Connection, key: str) -> UUID | None:
    """Return the id of the message of this idempotency key."""
    found: UUID | None = connection.execute(_BY_KEY, {"key": key}).scalar()
    return found


def details(connection: Connection, id_: UUID) -> Row:
    """Return the message with its overall `status`, its `deliveries` and their `attempts`."""
    (row,) = _rows(connection, _MESSAGE, id=id_)
    row["status"] = connection.execute(_STATUS, {"id": id_}).scalar()
    row["deliveries"] = deliveries(connection, id_)
    row["attempts"] = _rows(connection, _ATTEMPTS, id=id_)
    return row


def deliveries(connection: Connection, id_: UUID) -> list[Row]:
    """Return the deliveries of a message in the order of its recipients."""
    return _rows(connection, _DELIVERIES, id=id_)


def schema_version(connection: Connection) -> str:
    """Return the version of the tables."""
    return str(connection.execute(select(_version.c.version_num)).scalar())


def _rows(connection: Connection, statement: Select[Any], **parameters: object) -> list[Row]:
    rows = [dict(row) for row in connection.execute(statement, parameters).mappings()]
    for row in rows:
        # MariaDB sums to Decimal.
        row.update({name: int(row[name]) for name in ("sent", "waiting", "failed") if name in row})
    return rows
