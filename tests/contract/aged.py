"""Mail that ended long ago, in every state and shape."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from outbox.mail.status import FINAL, Status
from outbox.store.retention import Gone, Retention, Terms
from outbox.store.schema import attempt, delivery, message, tag
from tests.contract.scene import Scene, ago

DAY = 86400.0
WEEK = Terms(7 * DAY)
PAIRS = tuple(combinations_with_replacement(sorted(Status), 2))
"""Two recipients of one mail, in all pairs of states."""


def is_final(statuses: Sequence[str]) -> bool:
    return all(Status(status) in FINAL for status in statuses)


def aged(scene: Scene, *statuses: str, days: float = 8, **values: Any) -> UUID:
    """Add a mail whose recipients are in these states, for so many days if they have ended."""
    message_id = scene.add(*statuses)
    mine = delivery.c.message_id == message_id
    with scene.admin.begin() as connection:
        ended = mine & delivery.c.finished_at.is_not(None)
        connection.execute(update(delivery).where(ended).values(finished_at=ago(days * DAY)))
        if values:
            connection.execute(update(delivery).where(mine).values(**values))
        connection.execute(insert(tag).values(name="order", value=message_id.hex, message_id=message_id))
        for id_ in connection.execute(select(delivery.c.id).where(mine)).scalars().all():
            connection.execute(insert(attempt).values(delivery_id=id_, fence=1, verdict="defer"))
    return message_id


def all_pages(retention: Retention, terms: Terms = WEEK) -> list[Any]:
    """Walk to the end, and return the pages."""
    walk = retention.walk(terms)
    return list(iter(walk.page, []))


def deleted(scene: Scene, terms: Terms = WEEK) -> Gone:
    """Delete all that may go."""
    retention = Retention(scene.database)
    gone = Gone()
    for page in all_pages(retention, terms):
        gone = gone.plus(retention.delete(terms, page))
    return gone


def erased(scene: Scene, terms: Terms = WEEK) -> Gone:
    """Erase all bodies that may go."""
    retention = Retention(scene.database)
    gone = Gone()
    for page in all_pages(retention, terms):
        gone = gone.plus(retention.erase(terms, page))
    return gone


def left(scene: Scene) -> dict[str, set[UUID]]:
    """Return which messages each table still speaks of."""
    with scene.admin.connect() as connection:
        of_attempts = select(delivery.c.message_id).join(attempt, attempt.c.delivery_id == delivery.c.id)
        found = {
            "message": select(message.c.id),
            "delivery": select(delivery.c.message_id),
            "attempt": of_attempts,
            "tag": select(tag.c.message_id),
        }
        return {name: set(connection.execute(wanted).scalars()) for name, wanted in found.items()}
