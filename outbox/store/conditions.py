"""The conditions of `mail.criteria` in SQL, in words by which each database finds its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, literal_column, select

from outbox.mail.status import FINAL, Status
from outbox.store.schema import delivery, message, tag
from outbox.store.states import is_still

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Column, ColumnElement

    from outbox.mail.criteria import Criteria

_d, _m, _t = delivery.c, message.c, tag.c
_PARKED = frozenset({Status.HELD, Status.IN_DOUBT})


def stands(status: Status) -> ColumnElement[bool]:
    """Return the condition of all that is in `status`, so that its partial index is seen to have them."""
    is_it = _d.status == literal_column(f"'{status}'")
    if status in FINAL:
        return and_(is_it, _d.finished_at.is_not(None))
    if status in _PARKED:
        # SQLite finds an index of some rows only by the very words of its condition.
        return and_(is_it, _d.status.in_([literal_column(f"'{each}'") for each in ("held", "in_doubt")]))
    return is_it


def is_to(recipients: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of the deliveries to one of these addresses."""
    return _d.recipient.in_([literal(each, _d.recipient.type) for each in recipients])


def of_delivery(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    """Yield what is asked of a delivery that is found otherwise: no index is offered for it."""
    if criteria.status is not None:
        yield is_still(criteria.status)
    if criteria.recipients is not None:
        spelt = _d.recipient.concat(literal_column("''"))
        yield spelt.in_([literal(each, _d.recipient.type) for each in criteria.recipients])
    if criteria.stream is not None:
        # With something behind it, lest the index of what is pending in this stream is taken for that.
        yield _d.stream.concat(literal_column("''")) == literal(criteria.stream, _d.stream.type)


def of_message(criteria: Criteria) -> Iterator[ColumnElement[bool]]:
    """Yield what is asked of the row of a message alone."""
    if criteria.stream is not None:
        yield _m.stream == literal(criteria.stream, _m.stream.type)
    if criteria.text is not None:
        yield has_words(criteria.text)


def has_words(text: str) -> ColumnElement[bool]:
    """Return that these words stand in the subject of a message."""
    return _m.subject.icontains(text, autoescape=True)


def has_tag(criteria: Criteria, id_: Any) -> Iterator[ColumnElement[bool]]:
    """Yield that the message of this id has the tag; each is looked up by itself."""
    if criteria.tag is not None:
        found = select(func.count()).select_from(tag).where(*is_tagged(criteria.tag), _t.message_id == id_)
        yield found.correlate(id_.table).scalar_subquery() > 0


def is_tagged(named: tuple[str, str]) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of the rows of one tag."""
    name, value = named
    yield _t.name == literal(name, _t.name.type)
    yield _t.value == literal(value, _t.value.type)


def between(criteria: Criteria, id_: Column[object]) -> Iterator[ColumnElement[bool]]:
    """Yield that the message of this id came within the time that is asked for."""
    if criteria.first is not None:
        yield id_ >= literal(criteria.first, id_.type)
    if criteria.end is not None:
        yield id_ < literal(criteria.end, id_.type)
