"""Send again, as a new mail, what has ended: the old rows stay as they are, and say what came after them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from outbox.errors import InvalidEmailError
from outbox.mail.complete import completed
from outbox.mail.request import Change, Request
from outbox.mail.status import FINAL, Status
from outbox.store.insert import NewMessage, insert_messages
from outbox.store.requests import batches, locked, write_down
from outbox.store.schema import message
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

_m = message.c
_MESSAGE = select(_m.sender, _m.subject, _m.mime, _m.payload_hash, _m.on_doubt, _m.tags, _m.stream).where(
    _m.id == bindparam("of", type_=Guid)
)

NOT_YET = {
    Status.PENDING: "it still waits to be sent: why(…) says for what",
    Status.SENDING: "it is being sent",
    Status.IN_DOUBT: "it is in doubt: mark_sent(…) or cancel(…) it first, or retry(…) this one",
    Status.HELD: "it is held: release(…) lets this one go",
}
"""Why what has not ended is not sent as a new mail."""

ERASED = "its body is erased, so nothing can send it again"


@dataclass(frozen=True, slots=True)
class Birth:
    """When a new message comes into being, and the id that it then has."""

    at: datetime
    id: UUID


def send_anew(
    connection: Connection, ids: Sequence[int], birth: Callable[[], Birth], *, who: str, note: str | None
) -> list[Change]:
    """Insert a new message for those of these deliveries that have ended, one for each of their messages.

    It has the same body, tags, stream and `on_doubt`, but a Message-ID and a Date of its own, no key and no
    `expires_at`. Each old delivery gets an attempt row that names the new message.
    """
    rows = [row for batch in batches(ids) for row in locked(connection, batch)]
    ended: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        if row.status in FINAL:
            ended[row.message_id].append(row)
    outcomes = {}
    # One at a time: nobody knows how large they are together.
    for old, group in ended.items():
        outcomes[old] = _insert(connection, old, [row.recipient for row in group], birth())
        new = outcomes[old].new
        if new is not None:
            detail = f"sent again as message {new}" + (f": {note}" if note else "")
            write_down(connection, group, Request.RETRY, who=who, note=detail)
    return [_change(row, outcomes.get(row.message_id)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The new message, or why there is none."""

    new: UUID | None
    says: str


def _insert(connection: Connection, old: UUID, recipients: Sequence[str], birth: Birth) -> _Outcome:
    row = connection.execute(_MESSAGE, {"of": old}).one()
    if row.mime is None:
        return _Outcome(None, ERASED)
    try:
        renewed = completed(row.mime, id=birth.id, sender=row.sender, at=birth.at, renew=True)
    except InvalidEmailError as error:
        return _Outcome(None, f"it cannot be sent again: {error}")
    new = NewMessage(
        id=birth.id,
        sender=row.sender,
        recipients=tuple(recipients),
        subject=row.subject or renewed.subject,
        message_id=renewed.message_id,
        mime=renewed.mime,
        payload_hash=row.payload_hash,
        on_doubt=row.on_doubt,
        tags=row.tags,
        stream=row.stream,
    )
    insert_messages(connection, [new])
    return _Outcome(birth.id, f"it is sent again as message {birth.id}")


def _change(row: Any, outcome: _Outcome | None) -> Change:
    status = Status(row.status)
    if status not in FINAL or outcome is None:
        outcome = _Outcome(None, NOT_YET[status])
    return Change(
        delivery_id=row.id,
        message_id=row.message_id,
        recipient=row.recipient,
        before=status,
        after=status,
        done=outcome.new is not None,
        says=outcome.says,
        new_message_id=outcome.new,
    )
