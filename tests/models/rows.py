"""The rows of the queue as dictionaries of all their columns, and what a verdict leaves in them."""

from typing import Any
from uuid import UUID

from outbox.mail.status import Settlement

Row = dict[str, Any]


def words_of(end: Settlement) -> Row:
    """Return the columns that keep what the relay said."""
    answer = end.answer
    return {
        "relay": end.relay,
        "reply_code": answer.code if answer else None,
        "enhanced_code": answer.enhanced if answer else None,
        "reply": answer.text if answer else None,
        "queue_id": end.queue_id,
    }


def attempt_of(id_: int, fence: int, holder: UUID | None) -> Row:
    """Return the attempt row of a delivery under a fence, with nothing said of what happened."""
    return {
        "delivery_id": id_,
        "fence": fence,
        "session": holder,
        "relay": None,
        "reply_code": None,
        "enhanced_code": None,
        "reply": None,
        "stage": None,
        "late": False,
    }
