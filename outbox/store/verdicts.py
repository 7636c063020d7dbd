"""Write down what became of held deliveries: in time, late, or perhaps already written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_, bindparam, case, exists, func, literal, null, or_, select, update

from outbox.mail.status import LATE, MOST_DOUBTS, Lane, Late, Move, Reason, Settlement, Status
from outbox.store.clock import after, utc_now
from outbox.store.moves import outcome_row
from outbox.store.schema import attempt, delivery
from outbox.store.states import IS_SENDING, is_still
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from outbox.store.dialects import DaemonDialect, StoreDialect

_d, _a = delivery.c, attempt.c


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch of verdicts: applied, late but still telling, and dropped as late.

    Nothing became of those on `busy` deliveries, which somebody else has locked: they are to be told again.
    """

    applied: int = 0
    late: int = 0
    dropped: int = 0
    busy: frozenset[int] = frozenset()


_IS_LATE = and_(_d.id == bindparam("late_id"), _d.message_id == bindparam("late_message", type_=Guid))
# MariaDB assigns from left to right: what reads an old value comes before what sets the new one.
_LATE_SENT = (
    update(delivery)
    .where(_IS_LATE, _d.status != Status.SENT.value)
    # A success is true whatever happened since. Where another session holds the delivery, that is a doubt.
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
_goes_to = bindparam("late_status", type_=String)
_IS_ASSUMED = _goes_to == Status.SENT.value
_IS_THE_THIRD = and_(_goes_to == Status.PENDING.value, _d.doubts + 1 >= MOST_DOUBTS)
# A fence never falls: what is being sent under an earlier one has come back, and that sending is over.
_CAME_BACK = and_(is_still(Status.SENDING), _d.fence < bindparam("late_fence"))
# By its `on_doubt`, as in time: also what came back with a database that went back.
_LATE_DOUBT = (
    update(delivery)
    .where(_IS_LATE, or_(is_still(Status.PENDING), _CAME_BACK))
    .ordered_values(
        (_d.status, case((_IS_THE_THIRD, Status.IN_DOUBT.value), else_=_goes_to)),
        (_d.session, null()),
        # Its relay may recognise it, and no other shall have it.
        (_d.relay, func.coalesce(bindparam("late_relay", type_=String), _d.relay)),
        (_d.reason, case((_IS_ASSUMED, Reason.ASSUMED.value), else_=_d.reason)),
        (_d.finished_at, case((_IS_ASSUMED, utc_now()), else_=null())),
        (_d.doubts, _d.doubts + 1),
        (_d.due_at, after("late_delay")),
        (_d.lane, case((_d.lane == int(Lane.FRESH), int(Lane.RETRY)), else_=_d.lane)),
    )
)


class Verdicts:
    """Writes verdicts into a database of this dialect."""

    def __init__(self, dialect: StoreDialect, daemon: DaemonDialect) -> None:
        self._daemon = daemon
        self._present = select(_d.id).where(dialect.among(_d.id, "ids"))
        self._whose = select(_d.id, _d.message_id).where(dialect.among(_d.id, "ids"))
        # In no order: who waits for no lock cannot deadlock.
        self._free = self._present.with_for_update(skip_locked=True)
        # What was written of a claim, which its fence names: the attempt row, or for a clean first success
        # the delivery itself; but not where another's success came late.
        self._noted = select(_a.delivery_id, _a.fence, _a.verdict).where(dialect.among(_a.delivery_id, "ids"))
        self._delivered = select(_d.id, _d.fence, literal(Move.DELIVER.value)).where(
            dialect.among(_d.id, "ids"),
            is_still(Status.SENT),
            ~exists().where(_a.delivery_id == _d.id, _a.verdict == Move.DELIVER.value, _a.late),
        )

    def record(
        self,
        connection: Connection,
        holder: UUID,
        batch: Sequence[Settlement],
        *,
        doubt_pause: float,
        again: bool,
    ) -> Recorded:
        """Write a batch in id order, see `Queue.record`; the caller commits."""
        busy: frozenset[int] = frozenset()
        if again:
            # With their locks, so that no earlier transaction of ours is still on its way.
            busy = self._among(self._present, connection, batch) - self._among(self._free, connection, batch)
            batch = [settlement for settlement in batch if settlement.delivery_id not in busy]
        rows = [outcome_row(settlement, holder) for settlement in batch]
        won = self._daemon.record(connection, rows, apart=again) if rows else set()
        late = [settlement for settlement in batch if settlement.name not in won]
        if again and late:
            written = self._already_written(connection, late)
            late = [settlement for settlement in late if settlement not in written]
        telling = self._telling(connection, late)
        for settlement in telling:
            _settle_late(connection, settlement, doubt_pause)
        notes = [
            _attempt_row(settlement, holder, late=settlement.name not in won)
            for settlement in batch
            if (settlement.noted and settlement.name in won) or settlement in telling
        ]
        if notes:
            self._daemon.note(connection, notes)
        return Recorded(len(batch) - len(late), len(telling), len(late) - len(telling), busy)

    def _already_written(self, connection: Connection, batch: Sequence[Settlement]) -> list[Settlement]:
        """Return those that an earlier transaction of ours has written, or need not be."""
        ids = [settlement.delivery_id for settlement in batch]
        found = {tuple(row) for row in connection.execute(self._noted, {"ids": ids})}
        found |= {tuple(row) for row in connection.execute(self._delivered, {"ids": ids})}
        return [
            settlement
            for settlement in batch
            # A release leaves no trace, and late it would change nothing.
            if settlement.move is Move.RELEASE
            or (settlement.delivery_id, settlement.fence, settlement.move.value) in found
        ]

    def _telling(self, connection: Connection, late: Sequence[Settlement]) -> list[Settlement]:
        """Return those that still tell something of a delivery that is there, and still this mail's.

        It may be deleted meanwhile; where the database was restored, another mail may have got its id.
        """
        telling = [settlement for settlement in late if LATE[settlement.move] is not Late.DROPPED]
        if not telling:
            return []
        ids = [settlement.delivery_id for settlement in telling]
        present = {tuple(row) for row in connection.execute(self._whose, {"ids": ids})}
        return [each for each in telling if (each.delivery_id, each.message_id) in present]

    @staticmethod
    def _among(statement: Select[Any], connection: Connection, batch: Sequence[Settlement]) -> frozenset[int]:
        ids = [settlement.delivery_id for settlement in batch]
        return frozenset(connection.execute(statement, {"ids": ids}).scalars().all())


def _settle_late(connection: Connection, settlement: Settlement, doubt_pause: float) -> None:
    names = {"late_id": settlement.delivery_id, "late_message": settlement.message_id}
    if LATE[settlement.move] is Late.WINS:
        answer = settlement.answer
        connection.execute(
            _LATE_SENT,
            {
                **names,
                "late_relay": settlement.relay,
                "late_code": answer.code if answer else None,
                "late_enhanced": answer.enhanced if answer else None,
                "late_reply": answer.text if answer else None,
                "late_queue_id": settlement.queue_id,
            },
        )
    else:
        connection.execute(
            _LATE_DOUBT,
            {
                **names,
                "late_fence": settlement.fence,
                "late_status": settlement.target.value,
                "late_relay": settlement.relay,
                "late_delay": doubt_pause,
            },
        )


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
