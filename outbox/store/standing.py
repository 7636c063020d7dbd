"""Where one mail and each of its recipients stand, with the relay's own words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from outbox.mail.status import OnDoubt, Status, Wish, overall
from outbox.store.clock import finite
from outbox.store.schema import delivery, message
from outbox.store.types import Guid, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Column, ColumnElement, Connection

_d, _m = delivery.c, message.c


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Where one recipient of a mail stands; instants are by the database's clock.

    `attempts` counts what relays have judged, `doubts` what nobody knows. Then come the last relay and its
    words; our own `reason`, one of `mail.status.Reason` or what somebody wrote by hand; and the `wish` that
    was asked for while it was being sent.
    """

    id: int
    recipient: str
    status: Status
    due_at: datetime
    expires_at: datetime | None
    finished_at: datetime | None
    attempts: int
    doubts: int
    relay: str | None
    reply_code: int | None
    enhanced_code: str | None
    reply: str | None
    queue_id: str | None
    reason: str | None
    wish: Wish | None


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """One mail as it was queued, its overall `status` as in the view `outbox_status`, and its deliveries."""

    id: UUID
    created_at: datetime
    stream: str
    sender: str
    subject: str
    message_id: str
    size: int
    key: str | None
    tags: Mapping[str, Any] | None
    on_doubt: OnDoubt
    status: Status
    deliveries: tuple[DeliveryStatus, ...]


def _readable(column: Column[Any]) -> ColumnElement[Any]:
    """Return the column, its instants so that every driver can read what somebody wrote by hand."""
    return finite(column).label(column.name) if isinstance(column.type, UtcDateTime) else column


_MESSAGE = select(
    _m.id,
    _readable(_m.created_at),
    _m.stream,
    _m.sender,
    _m.subject,
    _m.message_id,
    _m.size,
    _m.idempotency_key.label("key"),
    _m.tags,
    _m.on_doubt,
).where(_m.id == bindparam("of", type_=Guid))
_DELIVERIES = (
    select(*(_readable(_d[field.name]) for field in fields(DeliveryStatus)))
    .where(_d.message_id == bindparam("of", type_=Guid))
    .order_by(_d.n)
)


def message_status(connection: Connection, id_: UUID) -> MessageStatus | None:
    """Return where the message of this id stands; None where there is none, or it has no deliveries."""
    row = connection.execute(_MESSAGE, {"of": id_}).mappings().one_or_none()
    deliveries = tuple(
        _delivery({**each}) for each in connection.execute(_DELIVERIES, {"of": id_}).mappings()
    )
    if row is None or not deliveries:
        return None
    columns = {**row, "on_doubt": OnDoubt(row["on_doubt"])}
    return MessageStatus(**columns, status=overall(each.status for each in deliveries), deliveries=deliveries)


def _delivery(row: Mapping[str, Any]) -> DeliveryStatus:
    return DeliveryStatus(
        **{
            **row,
            "status": Status(row["status"]),
            "wish": row["wish"] and Wish(row["wish"]),
        }
    )
