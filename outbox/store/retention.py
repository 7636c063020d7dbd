"""Delete mail that has ended long ago, or its bodies alone: a page at a time, each in a short transaction.

A mail goes when all of its deliveries have ended, and long ago. They are locked first, past those that
somebody else has locked, and a mail that is not whole then stays. So where one is tried again at this moment,
either that finds nothing, or this does.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Integer, bindparam, case, delete, exists, null, or_, select, update

from outbox.mail.status import FINAL
from outbox.store.batches import FEW, batches
from outbox.store.clock import after, utc_now
from outbox.store.schema import attempt, delivery, message, tag
from outbox.store.statistics import count
from outbox.store.types import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.mail.status import Status
    from outbox.store.database import Database

    Page: TypeAlias = Sequence[tuple[int, UUID]]

PAGE = 50
"""Deliveries that are looked at together, at most: SQLite is locked for less than 5 ms while they go."""

_d, _m = delivery.c, message.c
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_IS_RIPE = _d.finished_at <= after("younger")
_PAGE = (
    select(_d.id, _d.message_id, _d.finished_at)
    .where(
        _d.status == bindparam("which", type_=_d.status.type),
        _IS_RIPE,
        _d.finished_at >= bindparam("at", type_=UtcDateTime),
        or_(_d.finished_at > bindparam("at", type_=UtcDateTime), _d.id > bindparam("last")),
    )
    .order_by(_d.finished_at, _d.id)
    .limit(bindparam("most", type_=Integer))
)
_LOOK = select(_d.id, _d.message_id, _d.stream, _d.status, case((_IS_RIPE, 1), else_=0).label("ripe"))
_FREE = select(_d.id, _d.message_id, _d.stream, _d.relay, _d.status, _d.finished_at).where(_IS_RIPE)
_ERASE = update(message).where(_m.mime.is_not(None)).values(mime=null(), erased_at=utc_now())


@dataclass(frozen=True, slots=True)
class Terms:
    """Which mail may go: each of its deliveries has ended `age` seconds ago or earlier, in one of `statuses`.

    Of one `stream` only, where it is named.
    """

    age: float
    statuses: frozenset[Status] = FINAL
    stream: str | None = None

    @property
    def younger(self) -> dict[str, float]:
        """The parameter of what asks whether a delivery has ended long enough ago."""
        return {"younger": -self.age}

    def allow(self, row: Any) -> bool:
        """Tell whether a delivery that has ended may go."""
        return row.status in self.statuses and self.stream in {None, row.stream}


class Gone(NamedTuple):
    """How many messages and deliveries went, and how many messages stay as somebody has locked a delivery."""

    messages: int = 0
    deliveries: int = 0
    busy: int = 0

    def plus(self, other: Gone) -> Gone:
        """Return both together."""
        return Gone(*(mine + its for mine, its in zip(self, other, strict=True)))


class Walk:
    """A way along what has ended, the oldest first, of one status after the other; it can be gone in parts.

    It begins at `since`, where that is given.
    """

    def __init__(self, database: Database, terms: Terms, since: datetime | None = None) -> None:
        self._database = database
        self._terms = terms
        self._page = database.dialect.by_end(_PAGE)
        self._since = since or _FIRST
        self._left = sorted(terms.statuses)
        self._at, self._last = self._since, 0

    def page(self) -> Page:
        """Return the next deliveries that have ended long ago, with their messages; none at the end."""
        while self._left:
            parameters = {
                **self._terms.younger,
                "which": self._left[0].value,
                "at": self._at,
                "last": self._last,
                "most": PAGE,
            }
            rows = self._database.read(partial(self._read, parameters=parameters))
            if rows:
                self._at, self._last = rows[-1].finished_at, rows[-1].id
                return [(row.id, row.message_id) for row in rows]
            self._left.pop(0)
            self._at, self._last = self._since, 0
        return []

    def _read(self, connection: Connection, parameters: dict[str, Any]) -> Sequence[Any]:
        return connection.execute(self._page, parameters).all()


class Retention:
    """What is deleted and erased in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.dialect
        self._look = _LOOK.where(dialect.among(_d.message_id, "messages"))
        free = dialect.locked(_FREE.where(dialect.among(_d.id, "ids")))
        self._free = free.with_for_update(skip_locked=True)
        self._bodied = select(_m.id).where(dialect.among(_m.id, "messages"), _m.mime.is_not(None))
        self._attempts = delete(attempt).where(dialect.among(attempt.c.delivery_id, "ids"))
        self._tags = delete(tag).where(dialect.among(tag.c.message_id, "messages"))
        self._deliveries = delete(delivery).where(dialect.among(_d.id, "ids"), _IS_RIPE)
        self._messages = delete(message).where(
            dialect.among(_m.id, "messages"), ~exists().where(_d.message_id == _m.id)
        )
        self._erase = _ERASE.where(dialect.among(_m.id, "messages"))

    def walk(self, terms: Terms, since: datetime | None = None) -> Walk:
        """Return a way along what may go."""
        return Walk(self._database, terms, since)

    def count(self, terms: Terms, page: Page, *, bodies: bool = False) -> Gone:
        """Count what may go of a page, each message with the first of its deliveries; change nothing.

        Of `bodies` only those that are there.
        """

        def work(connection: Connection) -> Gone:
            messages = self._named(connection, page, bodies=bodies)
            whole = self._whole(connection, terms, messages)
            mine = {id_ for id_, _ in page}
            firsts = sum(min(ids) in mine for ids in whole.values())
            return Gone(firsts, sum(id_ in mine for ids in whole.values() for id_ in ids))

        return self._database.read(work)

    def delete(self, terms: Terms, page: Page) -> Gone:
        """Delete the mails of a page that may go, with all that is theirs, and count them by their days."""

        def work(connection: Connection) -> Gone:
            rows, busy = self._taken(connection, terms, self._named(connection, page))
            if not rows:
                return Gone(busy=busy)
            messages = sorted({row.message_id for row in rows})
            for ids in batches([row.id for row in rows], FEW):
                connection.execute(self._attempts, {"ids": list(ids)})
                connection.execute(self._deliveries, {"ids": list(ids), **terms.younger})
            connection.execute(self._tags, {"messages": messages})
            connection.execute(self._messages, {"messages": messages})
            count(connection, rows)
            return Gone(len(messages), len(rows), busy)

        return self._database.write(work)

    def erase(self, terms: Terms, page: Page) -> Gone:
        """Erase the bodies of the mails of a page that may go; their rows stay."""
        bodied = self._database.read(lambda connection: self._named(connection, page, bodies=True))

        def work(connection: Connection) -> Gone:
            rows, busy = self._taken(connection, terms, bodied)
            if not rows:
                return Gone(busy=busy)
            messages = sorted({row.message_id for row in rows})
            return Gone(connection.execute(self._erase, {"messages": messages}).rowcount, 0, busy)

        return self._database.write(work) if bodied else Gone()

    def _named(self, connection: Connection, page: Page, *, bodies: bool = False) -> list[UUID]:
        """Return the messages of a page, each once; of `bodies` those that have one."""
        messages = list(dict.fromkeys(message_id for _, message_id in page))
        if not bodies:
            return messages
        return list(connection.execute(self._bodied, {"messages": messages}).scalars())

    def _whole(self, connection: Connection, terms: Terms, messages: Sequence[UUID]) -> dict[UUID, list[int]]:
        """Return the ids of the deliveries of those messages of which all may go."""
        if not messages:
            return {}
        found: defaultdict[UUID, list[Any]] = defaultdict(list)
        for row in connection.execute(self._look, {"messages": list(messages), **terms.younger}):
            found[row.message_id].append(row)
        return {
            message_id: [row.id for row in rows]
            for message_id, rows in found.items()
            if all(row.ripe and terms.allow(row) for row in rows)
        }

    def _taken(self, connection: Connection, terms: Terms, messages: Sequence[UUID]) -> tuple[list[Any], int]:
        """Lock the deliveries of the messages that may go; return them, and how many messages are busy."""
        whole = self._whole(connection, terms, messages)
        ids = sorted(id_ for each in whole.values() for id_ in each)
        locked: defaultdict[UUID, list[Any]] = defaultdict(list)
        for some in batches(ids, FEW):
            for row in connection.execute(self._free, {"ids": list(some), **terms.younger}):
                if terms.allow(row):
                    locked[row.message_id].append(row)
        taken = [rows for message_id, rows in locked.items() if len(rows) == len(whole[message_id])]
        return [row for rows in taken for row in rows], len(whole) - len(taken)
