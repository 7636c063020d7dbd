"""The named moves of the queue, each in one short transaction.

Every write repeats its precondition in its own WHERE; a row that no longer fits is not changed, which is
normal and counted. Nothing else in the program changes a delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, exists, func, insert, literal, null, select, update

from outbox.mail.status import LATE, Late, Move, OnDoubt, Reason, Settlement, Status
from outbox.store.clock import after, utc_now
from outbox.store.moves import IS_PENDING, IS_SENDING, Claim, is_due, outcome_row
from outbox.store.schema import STREAM, SessionState, attempt, delivery, message, session
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.store.database import Database

_d, _m = delivery.c, message.c
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Message:
    """What a transaction needs of a message: envelope sender, exact bytes, and its wish in doubt."""

    id: UUID
    sender: str
    mime: bytes
    on_doubt: OnDoubt


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch of verdicts: applied, late but still telling, and dropped as late."""

    applied: int
    late: int
    dropped: int


_LANE_IS_DUE = select(exists().where(is_due(literal(STREAM), bindparam("retry", type_=_d.retry.type))))
_ATTEMPT = insert(attempt)

# A success is true whatever happened since. Where another session holds the delivery again, that is a doubt.
_LATE_SENT = (
    update(delivery)
    .where(_d.id == bindparam("late_id"), _d.status != Status.SENT.value)
    # MariaDB assigns from left to right: what reads the old status comes before what sets the new one.
    .ordered_values(
        (_d.doubts, _d.doubts + case((IS_SENDING, 1), else_=0)),
        (_d.status, literal(Status.SENT.value)),
        (_d.session, null()),
        (_d.relay, bindparam("late_relay")),
        (_d.reply_code, bindparam("late_code")),
        (_d.enhanced_code, bindparam("late_enhanced")),
        (_d.reply, bindparam("late_reply")),
        (_d.queue_id, bindparam("late_queue_id")),
        (_d.reason, null()),
        (_d.finished_at, utc_now()),
    )
)
_LATE_DOUBT = (
    update(delivery)
    .where(_d.id == bindparam("late_id"), IS_PENDING)
    .values(doubts=_d.doubts + 1, due_at=after("late_delay"), retry=True)
)
_RELEASE_UNKNOWN = (
    update(delivery)
    .where(
        _d.session == bindparam("holder", type_=Guid),
        IS_SENDING,
        _d.id.not_in(bindparam("known", expanding=True)),
    )
    .values(status=Status.PENDING.value, session=null())
)

_HOLDER_IS_GONE = ~exists().where(
    session.c.id == _d.session,
    session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]),
)
_ORPHANS = (
    select(_d.id, _d.fence, _d.session, _m.on_doubt)
    .join(message, _m.id == _d.message_id)
    .where(IS_SENDING, _HOLDER_IS_GONE)
    .order_by(_d.id)
    .limit(_BATCH)
    .with_for_update(skip_locked=True, of=delivery)
)
_RESCUE = (
    update(delivery)
    .where(
        _d.id == bindparam("orphan_id"),
        _d.fence == bindparam("orphan_fence"),
        _d.session == bindparam("orphan_session", type_=Guid),
        IS_SENDING,
        _HOLDER_IS_GONE,
    )
    .values(status=bindparam("target"), session=null(), rescues=_d.rescues + 1)
)

_OVERDUE = (
    select(_d.id)
    .where(IS_PENDING, _d.expires_at <= utc_now())
    .limit(_BATCH)
    .with_for_update(skip_locked=True)
)
_EXPIRE = (
    update(delivery)
    .where(_d.id.in_(bindparam("ids", expanding=True)), IS_PENDING, _d.expires_at <= utc_now())
    .values(status=Status.EXPIRED.value, reason=Reason.EXPIRED.value, finished_at=utc_now())
)
_COUNTS = select(_d.status, func.count()).group_by(_d.status)


class Queue:
    """The queue of one database, as the daemon sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        wanted = database.dialect.among(_m.id, "ids")
        self._messages = select(_m.id, _m.sender, _m.mime, _m.on_doubt).where(wanted)

    def has_due(self) -> bool:
        """Tell by a read whether a claim would find anything, so that an idle daemon writes nothing."""
        return self._database.read(
            lambda connection: any(
                connection.execute(_LANE_IS_DUE, {"retry": retry}).scalar() for retry in (False, True)
            )
        )

    def claim(self, holder: UUID, limit: int) -> list[Claim]:
        """Claim at most `limit` due deliveries for session `holder`, raising the fence of each by one.

        Retries take at most half, so that a dead domain's backlog never starves fresh mail.
        """

        def work(connection: Connection) -> list[Claim]:
            claim = self._database.dialect.claim
            retries = claim(connection, holder, STREAM, limit - limit // 2, retry=True)
            room = limit - len(retries)
            return (claim(connection, holder, STREAM, room, retry=False) if room else []) + retries

        return self._database.write(work)

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        """Read the messages of these ids."""

        def work(connection: Connection) -> dict[UUID, Message]:
            rows = connection.execute(self._messages, {"ids": list(ids)})
            return {row.id: Message(row.id, row.sender, row.mime, OnDoubt(row.on_doubt)) for row in rows}

        return self._database.read(work)

    def record(self, holder: UUID, settlements: Iterable[Settlement], *, doubt_pause: float) -> Recorded:
        """Write what became of held deliveries, with their attempt rows, in one transaction.

        A verdict whose claim is no longer held is late, and does what `mail.status.LATE` allows.
        `doubt_pause` is the wait, in seconds, that a late doubt puts on a waiting row.
        """
        # In id order, so that two daemons never lock the same rows the other way round.
        batch = sorted(settlements, key=lambda settlement: settlement.delivery_id)
        if not batch:
            return Recorded(0, 0, 0)

        def work(connection: Connection) -> Recorded:
            rows = [outcome_row(settlement, holder) for settlement in batch]
            won = self._database.dialect.record(connection, rows)
            late = [settlement for settlement in batch if settlement.delivery_id not in won]
            telling = [settlement for settlement in late if LATE[settlement.move] is not Late.DROPPED]
            for settlement in telling:
                _settle_late(connection, settlement, doubt_pause)
            notes = [
                _attempt_row(settlement, holder, late=settlement.delivery_id not in won)
                for settlement in batch
                if (settlement.noted and settlement.delivery_id in won) or settlement in telling
            ]
            if notes:
                connection.execute(_ATTEMPT, notes)
            return Recorded(len(won), len(telling), len(late) - len(telling))

        return self._database.write(work)

    def release_unknown(self, holder: UUID, known: Collection[int]) -> int:
        """Give back what `holder` has claimed without knowing it: the answer to its COMMIT was lost."""
        return self._database.write(
            lambda connection: (
                connection.execute(_RELEASE_UNKNOWN, {"holder": holder, "known": list(known)}).rowcount
            )
        )

    def rescue(self) -> int:
        """Take deliveries from sessions that are lost or stopped; return how many.

        Nobody knows whether their dots went out, so each mail's `on_doubt` decides.
        """

        def work(connection: Connection) -> int:
            orphans = connection.execute(_ORPHANS).all()
            return sum(_rescue_one(connection, *orphan) for orphan in orphans)

        return self._repeat(work)

    def expire(self) -> int:
        """End waiting deliveries that are too late to be useful; return how many."""

        def work(connection: Connection) -> int:
            ids = list(connection.execute(_OVERDUE).scalars())
            return connection.execute(_EXPIRE, {"ids": ids}).rowcount if ids else 0

        return self._repeat(work)

    def counts(self) -> dict[Status, int]:
        """Count all deliveries by status; reads the whole table."""
        rows = self._database.read(lambda connection: connection.execute(_COUNTS).all())
        return {Status(status): count for status, count in rows}

    def _repeat(self, work: Any) -> int:
        total = 0
        while moved := self._database.write(work):
            total += moved
        return total


def _settle_late(connection: Connection, settlement: Settlement, doubt_pause: float) -> None:
    if LATE[settlement.move] is Late.WINS:
        answer = settlement.answer
        connection.execute(
            _LATE_SENT,
            {
                "late_id": settlement.delivery_id,
                "late_relay": settlement.relay,
                "late_code": answer.code if answer else None,
                "late_enhanced": answer.enhanced if answer else None,
                "late_reply": answer.text if answer else None,
                "late_queue_id": settlement.queue_id,
            },
        )
    else:
        connection.execute(_LATE_DOUBT, {"late_id": settlement.delivery_id, "late_delay": doubt_pause})


def _rescue_one(connection: Connection, id_: int, fence: int, holder: UUID, on_doubt: str) -> int:
    move = Move.RESCUE_RESEND if on_doubt == OnDoubt.RESEND else Move.RESCUE_HOLD
    target = Status.PENDING if move is Move.RESCUE_RESEND else Status.IN_DOUBT
    moved = connection.execute(
        _RESCUE,
        {"orphan_id": id_, "orphan_fence": fence, "orphan_session": holder, "target": target.value},
    ).rowcount
    if moved:
        connection.execute(
            _ATTEMPT,
            {
                "delivery_id": id_,
                "fence": fence,
                "session": holder,
                "detail": "its session was lost or stopped while it held this delivery",
                "verdict": move.value,
            },
        )
    return moved


def _attempt_row(settlement: Settlement, holder: UUID, *, late: bool) -> dict[str, Any]:
    answer, evidence = settlement.answer, settlement.evidence
    return {
        "delivery_id": settlement.delivery_id,
        "fence": settlement.fence,
        "session": holder,
        "relay": settlement.relay,
        "stage": settlement.stage,
        "reply_code": answer.code if answer else None,
        "enhanced_code": answer.enhanced if answer else None,
        "reply": answer.text if answer else None,
        "detail": settlement.detail,
        "verdict": settlement.move.value,
        "late": late,
        "bytes_written": evidence.written if evidence else None,
        "waited": evidence.waited if evidence else None,
    }
