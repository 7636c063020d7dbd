"""The parts of the hot statements that all databases share: what a claim selects and what a verdict sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Float,
    Integer,
    SmallInteger,
    String,
    and_,
    bindparam,
    case,
    literal_column,
    null,
    or_,
    type_coerce,
    update,
)

from outbox.mail.status import FINAL, MOVES, Lane, Move, Reason, Settlement, Status, Wish
from outbox.store.clock import seconds_past, seconds_since, utc_after, utc_now
from outbox.store.lanes import Line
from outbox.store.schema import delivery
from outbox.store.states import IS_PENDING, is_still
from outbox.store.types import Guid, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.types import TypeEngine

    from outbox.mail.objection import Objection

_d = delivery.c

IS_WISHED = _d.wish.is_not(None)
IS_CANCELLED = _d.wish == literal_column(f"'{Wish.CANCEL}'")
PERSON: ColumnElement[str] = literal_column(f"'{Reason.PERSON}'")


def is_cancelled(waits: ColumnElement[bool], doubtful: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a wish makes a delivery cancelled which else `waits`.

    Not one that a relay may hold, by this sending or by an earlier one.
    """
    may_have_arrived = or_(doubtful, _d.doubts > 0, _d.rescues > 0)
    return and_(waits, IS_CANCELLED, ~may_have_arrived)


def granted(
    waits: ColumnElement[bool], doubtful: ColumnElement[bool], status: ColumnElement[str]
) -> ColumnElement[str]:
    """Return `status`, or where the delivery `waits` what a person wished: `mail.status.destination` in SQL.

    `doubtful` says that the relay may hold the mail by what has just been sent.
    """
    return case(
        (is_cancelled(waits, doubtful), literal_column(f"'{Status.CANCELLED}'")),
        (and_(waits, _d.wish == literal_column(f"'{Wish.HOLD}'")), literal_column(f"'{Status.HELD}'")),
        (and_(waits, IS_WISHED), literal_column(f"'{Status.IN_DOUBT}'")),
        else_=status,
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery held under a fence; durations are seconds, by the database clock at the claim.

    `due_at` only says, to that same clock, where the next scan of the line may begin, and `due_ago` how long
    it waited; `reason` is ours and `relay` the one that has judged it last, both from before. An `objection`
    says why it must not be sent, `diverted` who gets it in place of the recipient.
    """

    delivery_id: int
    message_id: UUID
    n: int
    recipient: str
    stream: str
    size: int
    fence: int
    attempts: int
    doubts: int
    judged_ago: float | None
    lane: Lane
    due_at: datetime
    expires_in: float | None
    reason: str | None = None
    relay: str | None = None
    due_ago: float = 0.0
    objection: Objection | None = None
    diverted: str | None = None

    @property
    def line(self) -> Line:
        """The line that it was claimed of."""
        return Line(self.stream, self.lane)

    @classmethod
    def from_row(cls, row: Any) -> Claim:
        """Build a claim from a row of CLAIMED, in its order."""
        *values, lane, due_at, expired_ago, reason, relay, due_ago = row
        in_order: list[Any] = values
        expires_in = None if expired_ago is None else -expired_ago
        return cls(*in_order, Lane(lane), due_at, expires_in, reason, relay, due_ago or 0.0)  # type: ignore[call-arg] # as CLAIMED


CLAIMED: tuple[ColumnElement[Any], ...] = (
    _d.id.label("delivery_id"),
    _d.message_id,
    _d.n,
    _d.recipient,
    _d.stream,
    _d.size,
    _d.fence,
    _d.attempts,
    _d.doubts,
    type_coerce(seconds_since(_d.judged_at), Float).label("judged_ago"),
    _d.lane,
    _d.due_at,
    type_coerce(seconds_past(_d.expires_at), Float).label("expired_ago"),
    _d.reason,
    _d.relay,
    type_coerce(seconds_past(_d.due_at), Float).label("due_ago"),
)


def is_due(
    stream: ColumnElement[str], lane: ColumnElement[int], floor: ColumnElement[datetime]
) -> ColumnElement[bool]:
    """Return the condition that a delivery of this lane, due since `floor` or later, may be claimed now."""
    return and_(
        IS_PENDING,
        _d.stream == stream,
        _d.lane == lane,
        _d.due_at >= floor,
        _d.due_at <= utc_now(),
        or_(_d.expires_at.is_(None), _d.expires_at > utc_now()),
    )


IN_LANE = is_due(
    bindparam("lane_stream", type_=String),
    bindparam("lane_number", type_=SmallInteger),
    bindparam("lane_floor", type_=UtcDateTime),
)


def outcome_row(settlement: Settlement, session: UUID) -> dict[str, Any]:
    """Return a settlement as the parameters of `outcome`; flags are 0 or 1, for JSON_TABLE."""
    answer = settlement.answer
    target = settlement.target
    return {
        "id": settlement.delivery_id,
        "message_id": settlement.message_id,
        "fence": settlement.fence,
        "session": session,
        "status": target.value,
        "delay": settlement.delay,
        "judged": int(settlement.judged),
        "doubt": int(settlement.doubt),
        "told": int(settlement.move is not Move.RELEASE or answer is not None),
        "final": int(target in FINAL),
        "relay": settlement.relay,
        "reply_code": answer.code if answer else None,
        "enhanced_code": answer.enhanced if answer else None,
        "reply": answer.text if answer else None,
        "queue_id": settlement.queue_id,
        "reason": settlement.reason.value if settlement.reason else None,
    }


OUTCOME_TYPES: dict[str, type[TypeEngine[Any]]] = {
    "id": BigInteger,
    "message_id": Guid,
    "fence": Integer,
    "session": Guid,
    "status": String,
    "delay": Float,
    "judged": Integer,
    "doubt": Integer,
    "told": Integer,
    "final": Integer,
    "relay": String,
    "reply_code": SmallInteger,
    "enhanced_code": String,
    "reply": String,
    "queue_id": String,
    "reason": String,
}
"""The columns of `outcome_row`, in its order."""


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """Return outcome rows as one JSON text, for the databases that read it as a table.

    Each also carries `source`, the status that the move needs.
    """
    return json.dumps([{**row, "source": Status.SENDING} for row in rows], default=attrgetter("hex"))


def outcome(v: Mapping[str, ColumnElement[Any]]) -> list[tuple[ColumnElement[Any], ColumnElement[Any]]]:
    """Return what a verdict sets on a held delivery, in order, from expressions named as in `outcome_row`.

    A judged delivery has passed through a daemon that lived on: it is no longer suspected of killing one.
    """
    told, judged, delayed = v["told"] == 1, v["judged"] == 1, v["delay"].is_not(None)
    returns, doubtful = v["status"] == literal_column(f"'{Status.PENDING}'"), v["doubt"] == 1
    waits = or_(returns, v["status"] == literal_column(f"'{Status.HELD}'"))
    finished = or_(v["final"] == 1, is_cancelled(waits, doubtful))
    # A wish is a person's word. So is a release, which guards respect until the mail has ended.
    asked = or_(and_(returns, IS_WISHED), and_(waits, IS_CANCELLED))
    let_go = and_(returns, v["reason"].is_(None), _d.reason == PERSON)
    # MariaDB assigns from left to right: what reads an old value comes before what sets the new one.
    return [
        (_d.status, granted(waits, doubtful, v["status"])),
        (_d.finished_at, case((finished, utc_now()), else_=null())),
        (_d.reason, case((or_(asked, let_go), PERSON), (told, v["reason"]), else_=_d.reason)),
        (_d.session, null()),
        (_d.due_at, case((delayed, utc_after(v["delay"])), else_=_d.due_at)),
        (
            _d.lane,
            case((and_(delayed, or_(judged, _d.lane == int(Lane.FRESH))), int(Lane.RETRY)), else_=_d.lane),
        ),
        (_d.attempts, _d.attempts + v["judged"]),
        (_d.judged_at, case((and_(judged, _d.judged_at.is_(None)), utc_now()), else_=_d.judged_at)),
        (_d.rescues, case((judged, 0), else_=_d.rescues)),
        (_d.doubts, _d.doubts + v["doubt"]),
        *(
            (_d[name], case((told, v[name]), else_=_d[name]))
            for name in ("relay", "reply_code", "enhanced_code", "reply", "queue_id")
        ),
    ]


def is_held(v: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Return the precondition of every owned move: this row, fence and session, still sending.

    Whether the row is still this mail's is seen when it is locked.
    """
    return and_(
        _d.id == v["id"],
        _d.fence == v["fence"],
        _d.session == v["session"],
        is_still(Status.SENDING),
    )


NAME = (_d.id, _d.message_id, _d.fence)
"""The columns of `Settlement.name`."""


_ONE = {
    name: bindparam(f"v_{name}", type_=type_) for name, type_ in OUTCOME_TYPES.items() if name != "message_id"
}

RECORD_ONE = update(delivery).where(is_held(_ONE)).ordered_values(*outcome(_ONE))
"""Writes one verdict, given by `as_one`."""


def as_one(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an outcome row as the parameters of RECORD_ONE."""
    return {f"v_{name}": value for name, value in row.items() if name in _ONE}


assert all(edge.source is Status.SENDING for edge in MOVES.values() if edge.owned)  # noqa: S101 - is_held relies on it
