"""How many deliveries ended a day, in which way: counted for good as they are deleted, else as they stand.

A delivery that is still there may end once more, in another way on another day, as a failed one does that is
tried again. So each is counted by the transaction that deletes it, and what is there is counted when asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, cast, func, literal, literal_column, select, union_all, update

from outbox.mail.status import FINAL
from outbox.store.clock import utc_day, utc_now
from outbox.store.dialects import dialect_of
from outbox.store.schema import delivery, stat
from outbox.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Connection

_d, _s = delivery.c, stat.c

NO_RELAY = ""
"""Stands in the place of the relay of what none has taken or refused."""

_ADD = (
    update(stat)
    .where(
        _s.day == bindparam("on_day"),
        _s.stream == bindparam("of_stream", type_=_s.stream.type),
        _s.relay == bindparam("by_relay", type_=_s.relay.type),
        _s.status == bindparam("as_status", type_=_s.status.type),
    )
    .values(deliveries=_s.deliveries + bindparam("more", type_=Integer))
)
_TODAY = select(utc_day(utc_now()))
_COUNTED = select(_s.day, _s.stream, _s.relay, _s.status, _s.deliveries).where(_s.day >= bindparam("first"))
_DAY, _RELAY = utc_day(_d.finished_at), func.coalesce(_d.relay, literal_column(f"'{NO_RELAY}'"))
_THERE = (
    select(_DAY, _d.stream, _RELAY, _d.status, func.count())
    .where(
        _d.status.in_([literal(status.value) for status in sorted(FINAL)]),
        _d.finished_at >= bindparam("since", type_=UtcDateTime),
    )
    .group_by(_DAY, _d.stream, _RELAY, _d.status)
)
_BOTH = union_all(_COUNTED, _THERE).subquery("both")
# In one statement: between two, some could be deleted, and be missing or be counted twice.
_ALL = (
    select(
        _BOTH.c.day,
        _BOTH.c.stream,
        _BOTH.c.relay,
        _BOTH.c.status,
        cast(func.sum(_BOTH.c.deliveries), stat.c.deliveries.type).label("deliveries"),
    )
    .group_by(_BOTH.c.day, _BOTH.c.stream, _BOTH.c.relay, _BOTH.c.status)
    .order_by(_BOTH.c.day, _BOTH.c.stream, _BOTH.c.relay, _BOTH.c.status)
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many deliveries ended so on one day, by the database's clock in UTC; no `relay` is an empty one."""

    day: date
    stream: str
    relay: str
    status: str
    deliveries: int


def count(connection: Connection, rows: Iterable[Any]) -> None:
    """Add deliveries that this transaction deletes to the counts of the days on which they ended."""
    counts = Counter(
        (row.finished_at.astimezone(UTC).date(), row.stream, row.relay or NO_RELAY, row.status)
        for row in rows
    )
    # In one order, so that two who delete at once never wait for each other in a circle.
    for (day, stream, relay, status), more in sorted(counts.items()):
        key = {"day": day, "stream": stream, "relay": relay, "status": status}
        added = {
            "on_day": day,
            "of_stream": stream,
            "by_relay": relay,
            "as_status": status,
            "more": more,
        }
        if connection.execute(_ADD, added).rowcount == 0:
            new = dialect_of(connection.dialect.name).insert_or_nothing(stat, *stat.primary_key.columns)
            connection.execute(new, key | {"deliveries": 0})
            connection.execute(_ADD, added)


def ended(connection: Connection, days: int) -> list[Ended]:
    """Return how many deliveries ended on each of so many days until today, the oldest first."""
    first = connection.execute(_TODAY).scalar_one() - timedelta(days=days - 1)
    since = datetime.combine(first, time(), UTC)
    return [Ended(*row) for row in connection.execute(_ALL, {"first": first, "since": since})]
