"""Take deliveries from sessions that died: where each goes is `mail.rescue`'s to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, exists, insert, null, select, update

from outbox.mail.rescue import rescue
from outbox.mail.status import FINAL, MOVES, Lane, Move, OnDoubt, Reason, Status, Wish, destination
from outbox.store.batches import BATCH
from outbox.store.clock import after, utc_now
from outbox.store.schema import SessionState, attempt, delivery, message, session
from outbox.store.states import IS_SENDING, is_still
from outbox.store.types import Guid

if TYPE_CHECKING:
    from sqlalchemy import Connection

_d = delivery.c

_IS_ALIVE = session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value])
_HOLDER_IS_GONE = ~exists().where(session.c.id == _d.session, _IS_ALIVE)
_ORPHANS = (
    select(
        _d.id,
        _d.fence,
        _d.session,
        _d.lane,
        _d.rescues,
        _d.doubts,
        _d.announced,
        _d.wish,
        # No join: that might begin at the messages, and MariaDB would lock them, too.
        select(message.c.on_doubt).where(message.c.id == _d.message_id).scalar_subquery().label("on_doubt"),
    )
    .where(IS_SENDING, _d.session.not_in(select(session.c.id).where(_IS_ALIVE)))
    # In no order: for one, a database may rather read the whole history than the index of what is held.
    .limit(BATCH)
    .with_for_update(skip_locked=True, of=delivery)
)

_RESCUE = (
    update(delivery)
    .where(
        _d.id == bindparam("orphan_id"),
        _d.fence == bindparam("orphan_fence"),
        _d.session == bindparam("orphan_session", type_=Guid),
        is_still(Status.SENDING),
        _HOLDER_IS_GONE,
    )
    .values(
        status=bindparam("target"),
        session=null(),
        rescues=_d.rescues + bindparam("counted"),
        lane=bindparam("into"),
        reason=bindparam("why"),
        due_at=case((bindparam("crashed") == 1, after("pause")), else_=_d.due_at),
        finished_at=case((bindparam("ended") == 1, utc_now()), else_=null()),
    )
)
_ATTEMPT = insert(attempt)

_DETAILS = {
    Move.RESCUE_UNBEGUN: "its session was lost or stopped before this delivery's sending was announced",
    Move.RESCUE_POISON: "its session was lost or stopped while it sent this delivery alone, and so were "
    "those before it: look at the mail before you release it",
}
_DETAIL = "its session was lost or stopped while it held this delivery"


def rescue_some(connection: Connection, pause: float) -> int:
    """Take a batch of deliveries from sessions that are lost or stopped; return how many.

    One that crashed a daemon by itself waits for `pause` seconds: another goes first, should it not be the
    cause.
    """
    return sum(_rescue_one(connection, orphan, pause) for orphan in connection.execute(_ORPHANS).all())


def _rescue_one(connection: Connection, orphan: Any, pause: float) -> int:
    announced = orphan.announced == orphan.fence
    move = rescue(OnDoubt(orphan.on_doubt), Lane(orphan.lane), orphan.rescues, announced=announced)
    counted = move is not Move.RESCUE_UNBEGUN
    wish = Wish(orphan.wish) if orphan.wish else None
    target = destination(move, wish, doubtful=bool(orphan.rescues or orphan.doubts))
    moved = connection.execute(
        _RESCUE,
        {
            "orphan_id": orphan.id,
            "orphan_fence": orphan.fence,
            "orphan_session": orphan.session,
            "target": target.value,
            "counted": int(counted),
            "into": int(Lane.ALONE) if counted else orphan.lane,
            "why": _reason(move, target),
            "crashed": int(announced),
            "pause": pause,
            "ended": int(target in FINAL),
        },
    ).rowcount
    if moved:
        connection.execute(
            _ATTEMPT,
            {
                "delivery_id": orphan.id,
                "fence": orphan.fence,
                "session": orphan.session,
                "detail": _DETAILS.get(move, _DETAIL),
                "verdict": move.value,
            },
        )
    return moved


def _reason(move: Move, target: Status) -> str | None:
    if target is not MOVES[move].target:
        return Reason.PERSON.value
    return Reason.POISON.value if move is Move.RESCUE_POISON else None
