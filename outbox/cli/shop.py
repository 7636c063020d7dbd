"""The demo's application: a shop that commits its own rows and their mails together, or neither.

This is how an application uses the outbox; everything else of the demo looks on.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Integer, MetaData, String, Table, Uuid, insert, select, union_all

from outbox.intake import Outbox
from outbox.mail.attachment import Attachment

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Engine

WITH_ATTACHMENT, WITH_COPIES, SCHEDULED = 0, 3, 1
"""The numbers of the mails that are special."""

DELAY = 2.0
"""Seconds before the scheduled mail may leave."""

EXTRA_RECIPIENTS = 2

_NAMES = ("Ada Lovelace", "Grace Hopper", "Zoë Müller", "李雷", "José Núñez", "Ngozi Okafor")
_GOODS = (("Teapot", 2490), ("Cup, blue", 890), ("Green tea, 250 g", 1350), ("Strainer", 640))
_PRODUCT = "Demo Shop"

_metadata = MetaData()
# What happens in the shop, by the template of the mail that follows from it.
_EVENTS = {
    template: Table(
        name,
        _metadata,
        Column("id", Integer, primary_key=True),
        Column("email", String, nullable=False),
        Column("mail", Uuid, nullable=False),
    )
    for template, name in (("receipt", "orders"), ("welcome", "signups"), ("password_reset", "resets"))
}
_MAILS = union_all(*(select(table.c.mail) for table in _EVENTS.values()))


class Shop:
    """The shop on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._outbox = Outbox(sender=f"{_PRODUCT} <shop@example.com>")
        self._random = random.Random(1)  # noqa: S311 - the same orders in every demo
        _metadata.create_all(engine)

    def serve(self, number: int) -> UUID:
        """Serve one customer: insert what happened and enqueue its mail, in one transaction."""
        with self._engine.begin() as connection:
            return self._insert(connection, number)

    def fail(self, number: int) -> UUID:
        """Serve one customer, and fail at the last moment; return the id that the mail would have had."""
        with self._engine.connect() as connection, connection.begin() as transaction:
            mail = self._insert(connection, number)
            transaction.rollback()
        return mail

    def mails(self) -> list[UUID]:
        """Return the mails that the shop's own tables name."""
        with self._engine.connect() as connection:
            return list(connection.execute(_MAILS).scalars())

    def _insert(self, connection: Connection, number: int) -> UUID:
        template, table = list(_EVENTS.items())[number % len(_EVENTS)]
        name = self._random.choice(_NAMES)
        email = f"customer{number}@example.com"
        mail = self._outbox.enqueue(
            connection,
            to=f"{name} <{email}>",
            template=template,
            context={"product": _PRODUCT, "name": name, **self._context(template, number)},
            key=f"{template}-{number}",
            tags={"customer": number},
            **_specials(number),
        )
        connection.execute(insert(table), {"email": email, "mail": mail})
        return mail

    def _context(self, template: str, number: int) -> dict[str, object]:
        url = f"https://shop.example.com/{template}/{number}"
        if template != "receipt":
            return {"url": url, "minutes": 30}
        goods = self._random.sample(_GOODS, 2)
        return {
            "url": url,
            "order": f"2-{number:05d}",
            "date": f"{datetime.now(UTC):%d %B %Y}",
            "items": [{"name": name, "quantity": 1, "price": _euros(price)} for name, price in goods],
            "total": _euros(sum(price for _, price in goods)),
        }


def _specials(number: int) -> dict[str, Any]:
    if number == WITH_ATTACHMENT:
        return {"attachments": [Attachment("terms.txt", "Tea may be hot. Zürich, 北京.\n".encode())]}
    if number == WITH_COPIES:
        return {"cc": "Accounting <accounting@example.com>", "bcc": "archive@example.com"}
    if number == SCHEDULED:
        return {"send_at": datetime.now(UTC) + timedelta(seconds=DELAY)}
    return {}


def _euros(cents: int) -> str:
    return f"€{cents / 100:.2f}"
