"""Forget an address: take it, and what was said to it, out of every table; what was counted stays counted.

The rows stay, so that reports stay true; what they tell of the person goes. A mail that still has to go to
others is left as it is, since it cannot be sent without its body, and is named.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, literal, null, or_, select, update

from outbox.mail.request import Request
from outbox.mail.status import FINAL
from outbox.store.batches import FEW, batches
from outbox.store.clock import utc_now
from outbox.store.dialects import dialect_of
from outbox.store.requests import ask, locked
from outbox.store.schema import attempt, delivery, gate, message, suppression, tag
from outbox.store.suppressions import folded, unsuppress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Column, ColumnElement, Connection

FORGOTTEN = "forgotten"
"""Stands in the place of an address; as it has no @, nothing is ever sent to it."""

_CANCELS = 2
"""How often a mail is cancelled: what a relay may hold already is in doubt after the first time."""

_d, _m, _a = delivery.c, message.c, attempt.c
_SAID = or_(_a.reply.is_not(None), _a.detail.is_not(None))
_REMARKS = (gate.c.fault, gate.c.paused_why, gate.c.paused_by, suppression.c.why, suppression.c.who)
"""What relays and people say where no mail is concerned."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was changed so that an address is forgotten: how many rows of each table.

    `cancelled` counts deliveries that waited. Of `left` messages nothing was erased, as a delivery of theirs
    has not ended: forget the address again once it has.
    """

    messages: int = 0
    deliveries: int = 0
    attempts: int = 0
    tags: int = 0
    suppressions: int = 0
    cancelled: int = 0
    left: tuple[UUID, ...] = ()

    def plus(self, other: Forgotten) -> Forgotten:
        """Return both together."""
        return Forgotten(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


def forget(connection: Connection, address: str, *, who: str, listed: bool) -> Forgotten:
    """Forget an address in the caller's transaction; with `listed` also that it gets no mail."""
    erasure = _Erasure(connection, address)
    total = Forgotten(suppressions=int(listed and unsuppress(connection, address)))
    for messages in batches(erasure.messages(), FEW):
        total = total.plus(erasure.forget(messages, who))
    erasure.forget_remarks()
    return total


class _Erasure:
    """The statements about one address, on one connection."""

    def __init__(self, connection: Connection, address: str) -> None:
        self._connection = connection
        self._address = address
        self._dialect = dialect_of(connection.dialect.name)
        self._is_its = self._is(_d.recipient)
        self._of_messages = self._dialect.among(_d.message_id, "ids")
        self._are_messages = self._dialect.among(_m.id, "ids")

    def messages(self) -> list[UUID]:
        """Return the messages to the address, or from it: this reads the whole tables."""
        to = select(_d.message_id).where(self._is_its).distinct()
        of = select(_m.id).where(self._is(_m.sender))
        return sorted({id_ for wanted in (to, of) for id_ in self._connection.execute(wanted).scalars()})

    def forget(self, messages: Sequence[UUID], who: str) -> Forgotten:
        """Cancel what waits for the address, and erase those of its messages that have ended."""
        waiting = sorted(row.id for row in self._deliveries(messages) if row.its and row.status not in FINAL)
        cancelled: set[int] = set()
        for _ in range(_CANCELS):
            asked = ask(self._connection, waiting, Request.CANCEL, who=who, note=None)
            cancelled |= {change.delivery_id for change in asked if change.done}
        # What has ended stays so from here: who would try it again waits for us.
        for ids in batches(sorted(row.id for row in self._deliveries(messages)), FEW):
            locked(self._connection, ids)
        rows = self._deliveries(messages)
        left = {row.message_id for row in rows if row.status not in FINAL}
        ended = [id_ for id_ in messages if id_ not in left]
        erased = self._erase(ended, [row for row in rows if row.message_id not in left])
        return erased.plus(Forgotten(cancelled=len(cancelled), left=tuple(sorted(left))))

    def forget_remarks(self) -> None:
        """Take the address out of what is said elsewhere; the rest of that stays, for people to act on."""
        its = re.compile(re.escape(self._address), re.IGNORECASE)
        for column in _REMARKS:
            for said in self._connection.execute(
                select(column).where(self._names(column)).distinct()
            ).scalars():
                change = update(column.table).where(column == said)
                self._connection.execute(change.values({column: its.sub(FORGOTTEN, said)}))

    def _erase(self, messages: Sequence[UUID], rows: Iterable[Any]) -> Forgotten:
        its: dict[bool, list[int]] = {True: [], False: []}
        for row in rows:
            its[bool(row.its)].append(row.id)
        by_it = self._is(_a.who)
        attempts = self._erase_attempts(its[True], or_(_SAID, by_it))
        attempts += self._erase_attempts(
            its[False], or_(self._names(_a.reply), self._names(_a.detail), by_it)
        )
        self._erase_keys(messages)
        named = self._names(_d.reply)
        self._change(update(delivery).where(self._of_messages, named).values(reply=null()), messages)
        its_deliveries = update(delivery).where(self._of_messages, self._is_its)
        its_tags = delete(tag).where(self._dialect.among(tag.c.message_id, "ids"))
        sender = case((self._is(_m.sender), literal(FORGOTTEN)), else_=_m.sender)
        erased = {"sender": sender, "subject": "", "mime": null(), "tags": null()}
        erased_at = func.coalesce(_m.erased_at, utc_now())
        its_messages = update(message).where(self._are_messages).values(**erased, erased_at=erased_at)
        return Forgotten(
            messages=self._change(its_messages, messages),
            deliveries=self._change(its_deliveries.values(recipient=FORGOTTEN, reply=null()), messages),
            attempts=attempts,
            tags=self._change(its_tags, messages),
        )

    def _erase_attempts(self, ids: Sequence[int], which: ColumnElement[bool]) -> int:
        """Erase what relays and we have said at those attempts, of these deliveries, that are meant.

        Who has asked for one stays, but where that is the address.
        """
        of_deliveries = self._dialect.among(_a.delivery_id, "ids")
        who = case((self._is(_a.who), literal(FORGOTTEN)), else_=_a.who)
        erase = update(attempt).where(of_deliveries, which).values(reply=null(), detail=null(), who=who)
        return sum(self._change(erase, some) for some in batches(ids, FEW))

    def _erase_keys(self, messages: Sequence[UUID]) -> None:
        """Erase idempotency keys that name the address; compared here, as MariaDB has them as bytes."""
        key = _m.idempotency_key
        keyed = select(_m.id, key.label("key")).where(self._are_messages, key.is_not(None))
        rows = self._connection.execute(keyed, {"ids": list(messages)}).all()
        named = [row.id for row in rows if folded(self._address) in folded(row.key)]
        self._change(update(message).where(self._are_messages).values(idempotency_key=null()), named)

    def _deliveries(self, messages: Sequence[UUID]) -> list[Any]:
        its = case((self._is_its, 1), else_=0).label("its")
        wanted = select(_d.id, _d.message_id, _d.status, its).where(self._of_messages)
        return list(self._connection.execute(wanted, {"ids": list(messages)}))

    def _change(self, statement: Any, ids: Sequence[Any]) -> int:
        """Execute this for these ids, and return how many rows it changed."""
        return self._connection.execute(statement, {"ids": list(ids)}).rowcount if ids else 0

    def _is(self, column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that a column has the address, in whatever case it is written there."""
        # Also as it was given: a database may not know small letters beyond ASCII.
        return or_(func.lower(column) == folded(self._address), column == self._address)

    def _names(self, column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that a text names the address somewhere."""
        return or_(
            func.lower(column).contains(folded(self._address), autoescape=True),
            column.contains(self._address, autoescape=True),
        )
