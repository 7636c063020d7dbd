"""Find the deliveries that somebody speaks of: those of one mail, or of all mail with one tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select

from outbox.mail.status import Status
from outbox.store.batches import FEW
from outbox.store.dialects import dialect_of
from outbox.store.schema import delivery, tag
from outbox.store.search import find_by_key
from outbox.store.states import is_still
from outbox.store.suppressions import folded
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.mail.selection import Selection

_d, _t = delivery.c, tag.c

# In order, so that the key of the table finds the page whatever the database believes.
_TAGGED = (
    select(_t.message_id)
    .where(
        _t.name == bindparam("tag_name", type_=_t.name.type),
        _t.value == bindparam("tag_value", type_=_t.value.type),
    )
    .order_by(_t.message_id)
    .limit(FEW)
)
_TAGGED_BEHIND = _TAGGED.where(_t.message_id > bindparam("last", type_=Guid))


def selected(connection: Connection, selection: Selection, statuses: Collection[Status]) -> list[int]:
    """Return the ids of the deliveries that are meant; of a tag those in one of `statuses` only.

    They come in the order in which they are to be locked: by id, but those that are being sent last, since
    the daemon's records would wait for them.
    """
    dialect = dialect_of(connection.dialect.name)
    of_messages = select(_d.id, _d.recipient, _d.status).where(dialect.among(_d.message_id, "ids"))
    if selection.tag is not None:
        of_messages = of_messages.where(or_(*map(is_still, sorted(statuses))))
    recipient = selection.recipient
    found = [
        (row.status == Status.SENDING, row.id)
        for ids in _messages(connection, selection)
        for row in connection.execute(of_messages, {"ids": ids})
        if recipient is None or folded(row.recipient) == folded(recipient)
    ]
    return [id_ for _, id_ in sorted(found)]


def _messages(connection: Connection, selection: Selection) -> Iterator[Sequence[UUID]]:
    """Yield the ids of the messages that are meant, a page at a time."""
    if selection.tag is not None:
        yield from _tagged(connection, *selection.tag)
        return
    message = one_message(connection, selection)
    if message is not None:
        yield [message]


def one_message(connection: Connection, selection: Selection) -> UUID | None:
    """Return the id of the message that is meant by its id or its key."""
    return selection.message if selection.key is None else find_by_key(connection, selection.key)


def _tagged(connection: Connection, name: str, value: str) -> Iterator[Sequence[UUID]]:
    parameters: dict[str, object] = {"tag_name": name, "tag_value": value}
    page = connection.execute(_TAGGED, parameters).scalars().all()
    while page:
        yield page
        if len(page) < FEW:
            return
        page = connection.execute(_TAGGED_BEHIND, parameters | {"last": page[-1]}).scalars().all()
