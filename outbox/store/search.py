"""What people and commands ask of the outbox: reads only, and each row as a plain mapping of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, bindparam, select

from outbox.mail.identity import id_in
from outbox.store.batches import FEW
from outbox.store.migration import VERSION_TABLE
from outbox.store.schema import attempt, delivery, message
from outbox.store.types import ByteExact, Guid, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence
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

# As values: the view would be made whole for a subquery.
_IDS = bindparam("ids", expanding=True, type_=Guid)
_LIST = select(_summary).where(_summary.c.id.in_(_IDS)).order_by(_summary.c.id.desc())

_BY_ID = select(message.c.id).where(message.c.id == bindparam("id", type_=Guid))
_BY_KEY = select(message.c.id).where(
    message.c.idempotency_key == bindparam("key", type_=message.c.idempotency_key.type)
)
_MESSAGE = select(*(column for column in message.c if column.name not in {"mime", "payload_hash"})).where(
    message.c.id == bindparam("id", type_=Guid)
)
_BODY = select(message.c.mime).where(message.c.id == bindparam("id", type_=Guid))
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


def summaries(connection: Connection, ids: Sequence[UUID]) -> list[Row]:
    """Return the row of `outbox_status` of each of these messages, newest first."""
    newest = sorted(ids, reverse=True)
    return [
        row
        for start in range(0, len(newest), FEW)
        for row in _rows(connection, _LIST, ids=newest[start : start + FEW])
    ]


def find(connection: Connection, name: str) -> UUID | None:
    """Return the id of the message that `name` means: its id, its Message-ID or its idempotency key."""
    if not _is_unicode(name):
        return None  # bytes that a shell handed over: no database holds them, and drivers raise
    id_ = id_in(name)
    found = connection.execute(_BY_ID, {"id": id_}).scalar() if id_ else None
    return found or find_by_key(connection, name)


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


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


def body(connection: Connection, id_: UUID) -> bytes | None:
    """Return the bytes of a message, None where they are erased; not every role may read them."""
    found: bytes | None = connection.execute(_BODY, {"id": id_}).scalar()
    return found


def schema_version(connection: Connection) -> str:
    """Return the version of the tables."""
    return str(connection.execute(select(_version.c.version_num)).scalar())


def _rows(connection: Connection, statement: Select[Any], **parameters: object) -> list[Row]:
    rows = [dict(row) for row in connection.execute(statement, parameters).mappings()]
    for row in rows:
        # MariaDB sums to Decimal.
        row.update({name: int(row[name]) for name in ("sent", "waiting", "failed") if name in row})
    return rows
