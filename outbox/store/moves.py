"""The parts of the hot statements that all databases share: what a claim selects and what a verdict sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Float,
    Integer,
    SmallInteger,
    String,
    and_,
    case,
    literal_column,
    null,
    or_,
    type_coerce,
)

from outbox.mail.status import FINAL, MOVES, Move, Settlement, Status
from outbox.store.clock import seconds_since, utc_after, utc_now
from outbox.store.schema import delivery
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import ColumnElement
    from sqlalchemy.types import TypeEngine

_d = delivery.c

# Literals, not parameters: the planner matches a partial index only to a constant it can see.
IS_PENDING = _d.status == literal_column(f"'{Status.PENDING}'")
IS_SENDING = _d.status == literal_column(f"'{Status.SENDING}'")


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery held under a fence; durations are seconds, by the database clock at the claim."""

    delivery_id: int
    message_id: UUID
    n: int
    recipient: str
    size: int
    fence: int
    attempts: int
    doubts: int
    judged_ago: float | None
    expires_in: float | None

    @classmethod
    def from_row(cls, row: Any) -> Claim:
        """Build a claim from a row of CLAIMED, in its order."""
        *values, expired_ago = row
        in_order: list[Any] = values
        return cls(*in_order, None if expired_ago is None else -expired_ago)  # type: ignore[call-arg] # as CLAIMED


CLAIMED: tuple[ColumnElement[Any], ...] = (
    _d.id.label("delivery_id"),
    _d.message_id,
    _d.n,
    _d.recipient,
    _d.size,
    _d.fence,
    _d.attempts,
    _d.doubts,
    type_coerce(seconds_since(_d.judged_at), Float).label("judged_ago"),
    type_coerce(seconds_since(_d.expires_at), Float).label("expired_ago"),
)


def is_due(stream: ColumnElement[str], retry: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a delivery of this lane may be claimed now."""
    return and_(
        IS_PENDING,
        _d.stream == stream,
        _d.retry == retry,
        _d.due_at <= utc_now(),
        or_(_d.expires_at.is_(None), _d.expires_at > utc_now()),
    )


def outcome_row(settlement: Settlement, session: UUID) -> dict[str, Any]:
    """Return a settlement as the parameters of `outcome`; flags are 0 or 1, for JSON_TABLE."""
    answer = settlement.answer
    target = settlement.target
    return {
        "id": settlement.delivery_id,
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
    return json.dumps([{**row, "session": row["session"].hex, "source": Status.SENDING} for row in rows])


def outcome(v: Mapping[str, ColumnElement[Any]]) -> dict[str, ColumnElement[Any]]:
    """Return what a verdict sets on a held delivery, from expressions named as in `outcome_row`."""
    told = v["told"] == 1
    return {
        "status": v["status"],
        "session": null(),
        "due_at": case((v["delay"].is_not(None), utc_after(v["delay"])), else_=_d.due_at),
        "retry": or_(_d.retry, v["delay"].is_not(None)),
        "attempts": _d.attempts + v["judged"],
        "judged_at": case((and_(v["judged"] == 1, _d.judged_at.is_(None)), utc_now()), else_=_d.judged_at),
        "doubts": _d.doubts + v["doubt"],
        **{
            name: case((told, v[name]), else_=_d[name])
            for name in ("relay", "reply_code", "enhanced_code", "reply", "queue_id", "reason")
        },
        "finished_at": case((v["final"] == 1, utc_now()), else_=null()),
    }


def is_held(v: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Return the precondition of every owned move: this row, this fence, this session, still sending."""
    return and_(_d.id == v["id"], _d.fence == v["fence"], _d.session == v["session"], IS_SENDING)


assert all(edge.source is Status.SENDING for edge in MOVES.values() if edge.owned)  # noqa: S101 - is_held relies on it
