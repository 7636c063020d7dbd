"""Send again, as a new mail, what has ended: the old rows stay as they are, and say what came after them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from outbox.errors import InvalidEmailError
from outbox.mail.complete import completed
from outbox.mail.request import ERASED, SENT_AGAIN, Change
from outbox.mail.status import FINAL, Status
from outbox.store.batches import FEW, batches
from outbox.store.dialects import dialect_of
from outbox.store.insert import NewMessage, insert_messages
from outbox.store.requests import locked, write_down
from outbox.store.schema import attempt, delivery, message
from outbox.tracing import traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

_a, _d, _m = attempt.c, delivery.c, message.c
_WHOSE = select(_d.id, _d.message_id)
_MESSAGES = select(_m.id, _m.sender, _m.subject, _m.mime, _m.payload_hash, _m.on_doubt, _m.tags, _m.stream)

_MOST_BYTES = 8 * 1024 * 1024
"""Bytes of messages that are read and written at a time; one that is larger goes by itself."""

NOT_YET = {
    Status.PENDING: "it still waits to be sent: why(…) says for what",
    Status.SENDING: "it is being sent",
    Status.IN_DOUBT: "it is in doubt: mark_sent(…) or cancel(…) it first, or retry(…) this one",
    Status.HELD: "it is held: release(…) lets this one go, cancel(…) ends it",
}
"""Why what has not ended is not sent as a new mail."""


@dataclass(frozen=True, slots=True)
class Birth:
    """When a new message comes into being, and the id that it then has."""

    at: datetime
    id: UUID


def not_sent_again(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return those of these deliveries that were not sent again as a new mail since anything else was asked.

    They are locked first: who does the same at this moment has then ended, and what it wrote is seen.
    """
    dialect = dialect_of(connection.dialect.name)
    asked = (
        select(_a.delivery_id, _a.verdict)
        .where(dialect.among(_a.delivery_id, "ids"), _a.who.is_not(None))
        .order_by(_a.id)
    )
    left: list[int] = []
    for batch in batches(ids, FEW):
        locked(connection, batch)
        newest = connection.execute(dialect.read_back(asked), {"ids": list(batch)})
        last = {row.delivery_id: row.verdict for row in newest}
        left += [id_ for id_ in batch if last.get(id_) != SENT_AGAIN]
    return left


def whole_mails(connection: Connection, ids: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield these deliveries, about `most` at a time, those of one message always together.

    For `send_anew` makes one new message of what it is given of an old one.
    """
    look = _WHOSE.where(dialect_of(connection.dialect.name).among(_d.id, "ids")).order_by(_d.id)
    of_each: defaultdict[UUID, list[int]] = defaultdict(list)
    for batch in batches(ids, FEW):
        for row in connection.execute(look, {"ids": list(batch)}):
            of_each[row.message_id].append(row.id)
    part: list[int] = []
    for together in of_each.values():
        if part and len(part) + len(together) > most:
            yield part
            part = []
        part += together
    if part:
        yield part


def send_anew(
    connection: Connection,
    ids: Sequence[int],
    birth: Callable[[], Birth],
    *,
    who: str,
    note: str | None,
    only: Collection[Status] | None = None,
) -> list[Change]:
    """Insert a new message for those of these deliveries that have ended, one for each of their messages.

    It has the same body, tags, stream and `on_doubt`, but a Message-ID and a Date of its own, no key and no
    `expires_at`. Each old delivery gets an attempt row that names the new message. What is not in one of
    `only` any more is passed over.
    """
    rows = [
        row
        for batch in batches(ids)
        for row in locked(connection, batch)
        if only is None or row.status in only
    ]
    ended: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        if row.status in FINAL:
            ended[row.message_id].append(row)
    outcomes: dict[UUID, _Outcome] = {}
    for part in _parts(ended):
        outcomes |= _insert(connection, part, birth)
        told = [
            (row, f"sent again as message {new}" + (f": {note}" if note else ""))
            for old, group in part.items()
            if (new := outcomes[old].new)
            for row in group
        ]
        write_down(connection, told, SENT_AGAIN, who)
    return [_change(row, outcomes.get(row.message_id)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The new message, or why there is none."""

    new: UUID | None
    says: str


def _parts(ended: Mapping[UUID, Sequence[Any]]) -> Iterator[dict[UUID, Sequence[Any]]]:
    """Yield the deliveries by message, as many messages at a time as may be in memory together."""
    part: dict[UUID, Sequence[Any]] = {}
    size = 0
    for old, group in ended.items():
        size += group[0].size
        if part and (len(part) == FEW or size > _MOST_BYTES):
            yield part
            part, size = {}, group[0].size
        part[old] = group
    if part:
        yield part


def _insert(
    connection: Connection, part: Mapping[UUID, Sequence[Any]], birth: Callable[[], Birth]
) -> dict[UUID, _Outcome]:
    """Insert a new message for each of these, and return what came of it."""
    among = dialect_of(connection.dialect.name).among(_m.id, "ids")
    outcomes, new = {}, []
    for row in connection.execute(_MESSAGES.where(among), {"ids": list(part)}):
        try:
            mail = _renewed(row, tuple(each.recipient for each in part[row.id]), birth())
        except InvalidEmailError as error:
            outcomes[row.id] = _Outcome(None, f"it cannot be sent again: {error}")
            continue
        if mail is None:
            outcomes[row.id] = _Outcome(None, ERASED)
            continue
        new.append(mail)
        outcomes[row.id] = _Outcome(mail.id, f"it is sent again as message {mail.id}")
    if new:
        insert_messages(connection, new)
    return outcomes


def _renewed(row: Any, recipients: tuple[str, ...], birth: Birth) -> NewMessage | None:
    """Return the new message after an old one, None where that has no body any more."""
    if row.mime is None:
        return None
    renewed = completed(row.mime, id=birth.id, sender=row.sender, at=birth.at, renew=True)
    return NewMessage(
        id=birth.id,
        sender=row.sender,
        recipients=recipients,
        subject=row.subject or renewed.subject,
        message_id=renewed.message_id,
        mime=renewed.mime,
        payload_hash=row.payload_hash,
        on_doubt=row.on_doubt,
        tags=row.tags,
        stream=row.stream,
        traceparent=traceparent(),
    )


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
