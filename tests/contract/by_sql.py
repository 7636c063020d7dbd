"""Enqueue as another language does: by the function of PostgreSQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from outbox.store.schema import delivery

MESSAGE = "Subject: Grüße\n\nHello"
SENDER = "shop@example.org"


def enqueue(connection: Connection, **changes: Any) -> UUID:
    """Call the function by the names of its arguments."""
    given = {"sender": SENDER, "recipients": ["ada@example.org"], "message": MESSAGE} | changes
    arguments = ", ".join(f"{name} => %({name})s{_CASTS.get(name, '')}" for name in given)
    id_ = connection.exec_driver_sql(f"SELECT outbox_enqueue({arguments})", given).scalar_one()
    assert isinstance(id_, UUID)
    return id_


_CASTS = {"recipients": "::text[]", "send_at": "::timestamptz", "expires_at": "::timestamptz"}


def recipients(connection: Connection) -> list[str]:
    return list(connection.execute(select(delivery.c.recipient).order_by(delivery.c.n)).scalars())
