"""The states of a delivery and every move between them: the one table that the rest obeys.

The store compiles these moves to SQL, the schema's CHECKs repeat the states, and the diagram in
`docs/design.md` is drawn from `MOVES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from outbox.mail.verdict import Answer, Evidence


class Status(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    HELD = "held"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.SENT, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
"""States that carry `finished_at`. `in_doubt` and `held` wait for a person."""

_FIRST_SEEN = (
    *(Status.SENDING, Status.PENDING, Status.IN_DOUBT, Status.HELD),
    *(Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.SENT),
)


def overall(statuses: Iterable[Status]) -> Status:
    """Return the status of a mail whose deliveries, one or more, are in these: as in `outbox_status`.

    What is still under way comes first, then what waits for a person, then what went wrong.
    """
    return min(statuses, key=_FIRST_SEEN.index)


class OnDoubt(StrEnum):
    """What happens to a mail when nobody can know whether the relay took it."""

    RESEND = "resend"
    HOLD = "hold"
    ASSUME_SENT = "assume_sent"


MOST_DOUBTS = 3
"""Doubts after which resending stops and a person decides."""


class Reason(StrEnum):
    """Why we, not the relay, moved a delivery; never mixed with the relay's words."""

    TOO_OLD = "too_old"
    EXPIRED = "expired"
    ASSUMED = "assumed"
    POISON = "poison"
    PERSON = "person"
    SUPPRESSED = "suppressed"
    STORM = "storm"
    POLICY_STORM = "policy_storm"
    NOT_ALLOWED = "not_allowed"
    REDIRECTED = "redirected"


class Lane(IntEnum):
    """Where a pending delivery queues: each lane is claimed by itself, so that none starves another."""

    FRESH = 0
    RETRY = 1
    ALONE = 2
    """Was in the hands of a daemon that died: claimed one at a time, for it may be what killed it."""


class Wish(StrEnum):
    """What a person asked for while a delivery was being sent; granted if it would wait."""

    CANCEL = "cancel"
    HOLD = "hold"


GRANTED: dict[Wish, Status] = {Wish.CANCEL: Status.CANCELLED, Wish.HOLD: Status.HELD}
"""Where a delivery goes instead of waiting, again or for a person; but see `destination`."""


class Move(StrEnum):
    """A named operation: nothing else changes a delivery's state."""

    CLAIM = "claim"
    DELIVER = "deliver"
    DEFER = "defer"
    REFUSE = "refuse"
    GIVE_UP = "give_up"
    DOUBT_RESEND = "doubt_resend"
    DOUBT_HOLD = "doubt_hold"
    DOUBT_ASSUME = "doubt_assume"
    RELEASE = "release"
    RESCUE_UNBEGUN = "rescue_unbegun"
    RESCUE_RESEND = "rescue_resend"
    RESCUE_HOLD = "rescue_hold"
    RESCUE_POISON = "rescue_poison"
    EXPIRE_WAITING = "expire_waiting"
    EXPIRE_SENDING = "expire_sending"
    SUPPRESS = "suppress"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Edge:
    """A move's precondition and its outcome; an `owned` one also needs the claim's session and fence."""

    source: Status
    target: Status
    owned: bool


MOVES: dict[Move, Edge] = {
    Move.CLAIM: Edge(Status.PENDING, Status.SENDING, owned=False),
    Move.DELIVER: Edge(Status.SENDING, Status.SENT, owned=True),
    Move.DEFER: Edge(Status.SENDING, Status.PENDING, owned=True),
    Move.REFUSE: Edge(Status.SENDING, Status.FAILED, owned=True),
    Move.GIVE_UP: Edge(Status.SENDING, Status.FAILED, owned=True),
    Move.DOUBT_RESEND: Edge(Status.SENDING, Status.PENDING, owned=True),
    Move.DOUBT_HOLD: Edge(Status.SENDING, Status.IN_DOUBT, owned=True),
    Move.DOUBT_ASSUME: Edge(Status.SENDING, Status.SENT, owned=True),
    Move.RELEASE: Edge(Status.SENDING, Status.PENDING, owned=True),
    Move.RESCUE_UNBEGUN: Edge(Status.SENDING, Status.PENDING, owned=False),
    Move.RESCUE_RESEND: Edge(Status.SENDING, Status.PENDING, owned=False),
    Move.RESCUE_HOLD: Edge(Status.SENDING, Status.IN_DOUBT, owned=False),
    Move.RESCUE_POISON: Edge(Status.SENDING, Status.HELD, owned=False),
    Move.EXPIRE_WAITING: Edge(Status.PENDING, Status.EXPIRED, owned=False),
    Move.EXPIRE_SENDING: Edge(Status.SENDING, Status.EXPIRED, owned=True),
    # What a claim finds that must not go: its address is suppressed, or a guard wants a person to look.
    Move.SUPPRESS: Edge(Status.SENDING, Status.FAILED, owned=True),
    Move.PARK: Edge(Status.SENDING, Status.HELD, owned=True),
}


MAY_HAVE_ARRIVED = frozenset({Move.DOUBT_RESEND, Move.RESCUE_RESEND, Move.RESCUE_POISON})
"""Moves of a delivery that the relay may hold already, to where it waits."""

_WAITS = frozenset({Status.PENDING, Status.HELD})


def destination(move: Move, wish: Wish | None, *, doubtful: bool) -> Status:
    """Return where `move` brings a delivery of which a person wished something while it was being sent.

    `doubtful` says that a relay may hold it since before: it has doubts, or was rescued.
    """
    target = MOVES[move].target
    if target not in _WAITS or wish is None:
        return target
    if wish is Wish.CANCEL and (doubtful or move in MAY_HAVE_ARRIVED):
        # It does not go again, but nobody can call it taken back.
        return Status.IN_DOUBT
    return GRANTED[wish]


class Late(StrEnum):
    """What a verdict may still do when its session no longer holds the claim."""

    WINS = "wins"
    DOUBTS = "doubts"
    DROPPED = "dropped"


LATE: dict[Move, Late] = {
    # It is true whatever happened since, so it beats every other state, final ones too.
    Move.DELIVER: Late.WINS,
    # It is evidence of a possible duplicate: written down, and a waiting row pauses.
    Move.DOUBT_RESEND: Late.DOUBTS,
    Move.DOUBT_HOLD: Late.DOUBTS,
    Move.DOUBT_ASSUME: Late.DOUBTS,
    # Somebody else judges this delivery now.
    Move.DEFER: Late.DROPPED,
    Move.REFUSE: Late.DROPPED,
    Move.GIVE_UP: Late.DROPPED,
    Move.RELEASE: Late.DROPPED,
    Move.EXPIRE_SENDING: Late.DROPPED,
    Move.SUPPRESS: Late.DROPPED,
    Move.PARK: Late.DROPPED,
}


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one held delivery becomes, and what is written down about it.

    It names its message, too: in a database that went back in time another mail may have the delivery's id.
    `delay` is in seconds from the database's now, or None to leave the due time alone. `judged` counts an
    attempt, `doubt` a doubt. `noted` writes an attempt row: all but clean first successes and releases.
    `recipient` is for the log, where that may name anybody.
    """

    delivery_id: int
    message_id: UUID
    fence: int
    move: Move
    relay: str
    delay: float | None = None
    judged: bool = False
    doubt: bool = False
    stage: str | None = None
    answer: Answer | None = None
    queue_id: str | None = None
    detail: str | None = None
    reason: Reason | None = None
    evidence: Evidence | None = None
    noted: bool = True
    recipient: str | None = None

    @property
    def name(self) -> tuple[int, UUID, int]:
        """What no other verdict has: a claim is judged once."""
        return self.delivery_id, self.message_id, self.fence

    @property
    def target(self) -> Status:
        """The state after the move."""
        return MOVES[self.move].target
