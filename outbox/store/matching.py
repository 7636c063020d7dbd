"""Find all deliveries that have something in common, whose number is nobody's to bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal, select

from outbox.store.conditions import between, has_words, is_tagged, is_to, stands
from outbox.store.schema import delivery, message, tag

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from outbox.mail.criteria import Criteria
    from outbox.mail.status import Status

_d, _m, _t = delivery.c, message.c, tag.c


def matching(connection: Connection, criteria: Criteria, status: Status) -> list[int]:
    """Return the ids of the deliveries in `status` that have all of `criteria` beside that."""
    wanted = select(_d.id).where(stands(status), *between(criteria, _d.message_id))
    if criteria.recipients is not None:
        wanted = wanted.where(is_to(criteria.recipients))
    if criteria.stream is not None:
        wanted = wanted.where(_d.stream == literal(criteria.stream, _d.stream.type))
    if criteria.tag is not None:
        wanted = wanted.join(tag, _t.message_id == _d.message_id).where(*is_tagged(criteria.tag))
    if criteria.text is not None:
        wanted = wanted.join(message, _m.id == _d.message_id).where(has_words(criteria.text))
    return sorted(connection.execute(wanted).scalars())
