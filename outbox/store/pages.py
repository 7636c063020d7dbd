"""Find messages by what they have, the newest first, a page at a time and at a bounded cost.

No index has every criterion in the order of the ids, and a database that is asked for the first of an order
may walk over all of the history for them. So it is led. Where a recipient or a status has few enough rows,
all of them are taken by its index, and sorted. Otherwise there are so many that they stand among the newest
mails, or among the newest of a tag: these are looked through, a bounded number, and the page says so. The
look begins where the last of them ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, select

from outbox.mail.criteria import Criteria
from outbox.mail.status import FINAL
from outbox.store.conditions import between, has_tag, is_tagged, is_to, of_delivery, of_message, stands
from outbox.store.schema import delivery, message, tag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Column, ColumnElement, Connection

SORTED = 2_000
"""Deliveries of one recipient, or in one status, up to which all are sorted."""

LOOKED_THROUGH = 10_000
"""Messages that are looked through for one page, at most."""

_d, _m, _t = delivery.c, message.c, tag.c


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of a page, and behind which id the next one begins; None where nothing is left.

    `is_cut` says that LOOKED_THROUGH messages were looked through and no more: the page may be short.
    """

    ids: Sequence[UUID]
    after: UUID | None
    is_cut: bool = False


def page(connection: Connection, criteria: Criteria, *, after: UUID | None, limit: int) -> Page:
    """Return at most `limit` messages that have all of `criteria`, behind the id `after`."""
    ends = []
    for index in _indexes(criteria):
        if _are_few(connection, index.rows):
            return _sorted(connection, index.rows, criteria, after, limit)
        ends.append(_end(connection, index))
    last = min((id_ for id_ in (after, *ends) if id_ is not None), default=None)
    return _looked_through(connection, criteria, last, limit)


@dataclass(frozen=True, slots=True)
class _Index:
    """The rows of deliveries that an index has together, and the condition of those that have not ended.

    Where it is None, all of them have ended.
    """

    rows: ColumnElement[bool]
    waiting: ColumnElement[bool] | None


def _indexes(criteria: Criteria) -> list[_Index]:
    """Return the criteria that have an index of deliveries, the narrowest first."""
    found = []
    if criteria.recipients is not None:
        its = is_to(criteria.recipients)
        found.append(_Index(its, and_(its, _d.finished_at.is_(None))))
    if criteria.status is not None:
        its = stands(criteria.status)
        found.append(_Index(its, None if criteria.status in FINAL else its))
    return found


def _are_few(connection: Connection, index: ColumnElement[bool]) -> bool:
    some = select(literal(1).label("one")).select_from(delivery).where(index).limit(SORTED + 1).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() <= SORTED


def _end(connection: Connection, index: _Index) -> UUID | None:
    """Return an id behind all that have this; None where that is not known, since some have not ended.

    No mail ends before it came, and clocks may differ by a day.
    """
    if index.waiting is not None:
        waiting = select(literal(1)).select_from(delivery).where(index.waiting).limit(1)
        if connection.execute(waiting).first() is not None:
            return None
    last = select(_d.finished_at).where(index.rows).order_by(_d.finished_at.desc()).limit(1)
    ended = connection.execute(last).scalar()
    return None if ended is None else Criteria(until=ended + timedelta(days=1)).end


def _sorted(
    connection: Connection, index: ColumnElement[bool], criteria: Criteria, after: UUID | None, limit: int
) -> Page:
    its = _d.message_id
    # Its limit keeps a database from taking the rows in the order of the ids instead.
    few = (
        select(its)
        .where(index, *of_delivery(criteria), *between(criteria, its), *_behind(after, its))
        .limit(SORTED + 1)
        .subquery("few")
    )
    wanted = select(few.c.message_id).distinct().where(*has_tag(criteria, few.c.message_id))
    if criteria.text is not None:
        wanted = wanted.join(message, _m.id == few.c.message_id).where(*of_message(criteria))
    return _page(connection.execute(_newest(wanted, few.c.message_id, limit)).scalars().all(), limit)


def _looked_through(connection: Connection, criteria: Criteria, after: UUID | None, limit: int) -> Page:
    """Look through the newest messages, of a tag where one is given."""
    its: Column[Any] = _m.id if criteria.tag is None else _t.message_id
    conditions = [*between(criteria, its), *_behind(after, its)]
    if criteria.tag is not None:
        conditions += is_tagged(criteria.tag)
    oldest = select(its).where(*conditions).order_by(its.desc()).offset(LOOKED_THROUGH - 1).limit(1)
    last = connection.execute(oldest).scalar()
    wanted = select(its).where(*conditions)
    if last is not None:
        wanted = wanted.where(its >= literal(last, its.type))
    if criteria.tag is None:
        wanted = wanted.where(*of_message(criteria))
    elif criteria.text is not None or criteria.stream is not None:
        wanted = wanted.join(message, _m.id == its).where(*of_message(criteria))
    if criteria.status is not None or criteria.recipients is not None:
        # Counted for each by itself: what is only asked whether it exists may be gathered for all at first.
        among = select(func.count()).select_from(delivery).where(_d.message_id == its, *of_delivery(criteria))
        wanted = wanted.where(among.correlate(its.table).scalar_subquery() > 0)
    found = _page(connection.execute(_newest(wanted, its, limit)).scalars().all(), limit)
    if last is None or found.after is not None:
        return found
    return Page(found.ids, last, is_cut=True)


def _newest(wanted: Any, its: ColumnElement[Any], limit: int) -> Any:
    return wanted.order_by(its.desc()).limit(limit + 1)


def _behind(after: UUID | None, its: Column[Any]) -> list[ColumnElement[bool]]:
    return [] if after is None else [its < literal(after, its.type)]


def _page(found: Sequence[UUID], limit: int) -> Page:
    ids = found[:limit]
    return Page(ids, ids[-1] if len(found) > limit else None)
