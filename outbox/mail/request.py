"""What people and applications ask of a mail after it was queued, and what each request does in each state.

Pure, and one table: the store writes by it, and the table in `docs/design.md` is drawn from it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from outbox.mail.status import FINAL, Status, Wish


class Request(StrEnum):
    """What is asked; each is an attempt row's verdict where it changed a delivery."""

    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    MARK_SENT = "mark_sent"


SENT_AGAIN = "retry_as_new"
"""The attempt row's verdict where a delivery was sent again as a new mail; its detail names that."""

GOALS: dict[Request, Status] = {
    Request.CANCEL: Status.CANCELLED,
    Request.HOLD: Status.HELD,
    Request.RELEASE: Status.PENDING,
    Request.RETRY: Status.PENDING,
    Request.MARK_SENT: Status.SENT,
}
"""Where each request wants a delivery to be."""


_UNFINISHED = frozenset(Status) - FINAL
MEANT: dict[Request, frozenset[Status]] = {
    Request.CANCEL: _UNFINISHED,
    Request.HOLD: _UNFINISHED,
    Request.RELEASE: _UNFINISHED - {Status.PENDING},
    Request.RETRY: _UNFINISHED | {Status.FAILED},
    Request.MARK_SENT: frozenset({Status.IN_DOUBT}),
}
"""Of which deliveries something is asked, where they are meant by what they have, not by name."""

MEANT_AS_NEW = FINAL - {Status.SENT}
"""Of which that is enough to send them again as a new mail: not of what its recipients have."""


class Given(StrEnum):
    """What else is true of a delivery, where it makes a request do something else."""

    LATE = "its expires_at has passed"
    SUPPRESSED = "its address is suppressed"
    WISHED = "a wish is kept"
    DOUBTFUL = "a relay may hold it already"
    ERASED = "its body is erased"
    SCHEDULED = "its send_at has not come"
    FRESH = "no relay has put it off"


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What a request does in one state: it leads to `target`, leaves a `wish`, `withdraws` one, or nothing.

    `says` tells what happens now, or why nothing does and what to do instead. `but` holds what it does where
    something else is given; the first that is true counts.
    """

    says: str
    target: Status | None = None
    wish: Wish | None = None
    withdraws: bool = False
    but: Mapping[Given, "Effect"] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything is written."""
        return self.target is not None or self.wish is not None or self.withdraws


_BEING_SENT = Effect("it is being sent")
_MAY_BE_WITHDRAWN = Effect(
    "it is being sent",
    but={Given.WISHED: Effect("it is being sent; what was asked for is withdrawn", withdraws=True)},
)
_AS_NEW = "retry(…, as_new=True) sends it again as a new mail"
_SENT_AGAIN = Effect(f"it is sent: {_AS_NEW}")
_EXPIRED_AGAIN = Effect(f"it expired before it was sent: {_AS_NEW}")
_CANCELLED_AGAIN = Effect(f"it is cancelled: {_AS_NEW}")
_FAILED = Effect("it failed: retry(…) tries it again")
_TAKEN_BACK = Effect(
    "it is taken back and will not be sent",
    Status.CANCELLED,
    but={
        Given.DOUBTFUL: Effect(
            "it will not go again, but a relay may hold it already, so it is in doubt: "
            "mark_sent(…) if the relay's log shows it, or cancel(…) once more",
            Status.IN_DOUBT,
        )
    },
)
_TOO_LATE = "it is too late, its expires_at has passed"
_LATE_WAITING = Effect(f"{_TOO_LATE}: it will expire, then {_AS_NEW}")
_LATE_PARKED = Effect(f"{_TOO_LATE}: cancel(…) it, then {_AS_NEW}")
_LATE_FAILED = Effect(f"{_TOO_LATE}: {_AS_NEW}")
_SUPPRESSED = Effect("its address is suppressed, and it would fail: unsuppress(…) the address first")
ERASED = "its body is erased, so nothing can send it again"
"""Why a mail is not sent again that has no body any more."""

_TRIED = "it is tried again now, as if for the first time"
_CANCEL_FIRST = "a relay may hold it already: cancel(…) brings it to in_doubt first"

REQUESTS: dict[Request, dict[Status, Effect]] = {
    Request.CANCEL: {
        Status.PENDING: _TAKEN_BACK,
        Status.SENDING: Effect(
            "being sent: that cannot be stopped, but if it would have to go again it will not",
            wish=Wish.CANCEL,
        ),
        Status.SENT: Effect("it is sent, and nothing takes it back"),
        Status.FAILED: Effect("it failed already, and will not be sent"),
        Status.IN_DOUBT: Effect(
            "it will not go again; whether a relay holds it nobody knows", Status.CANCELLED
        ),
        Status.HELD: _TAKEN_BACK,
        Status.EXPIRED: Effect("it expired already, and will not be sent"),
        Status.CANCELLED: Effect("it is cancelled already"),
    },
    Request.HOLD: {
        Status.PENDING: Effect("it waits for a person: release(…) lets it go", Status.HELD),
        Status.SENDING: Effect(
            "being sent: that cannot be stopped, but if it would have to go again it will be held",
            wish=Wish.HOLD,
        ),
        Status.SENT: Effect("it is sent, and nothing holds it any more"),
        Status.FAILED: _FAILED,
        Status.IN_DOUBT: Effect(
            "it is in doubt and waits for a person already: release(…), mark_sent(…) or cancel(…)"
        ),
        Status.HELD: Effect("it is held already: release(…) lets it go"),
        Status.EXPIRED: _EXPIRED_AGAIN,
        Status.CANCELLED: _CANCELLED_AGAIN,
    },
    Request.RELEASE: {
        Status.PENDING: Effect("it is not held: why(…) says what it waits for"),
        Status.SENDING: _MAY_BE_WITHDRAWN,
        Status.SENT: _SENT_AGAIN,
        Status.FAILED: _FAILED,
        Status.IN_DOUBT: Effect("it goes again now", Status.PENDING, but={Given.LATE: _LATE_PARKED}),
        Status.HELD: Effect("it goes now", Status.PENDING, but={Given.LATE: _LATE_PARKED}),
        Status.EXPIRED: _EXPIRED_AGAIN,
        Status.CANCELLED: _CANCELLED_AGAIN,
    },
    Request.RETRY: {
        Status.PENDING: Effect(
            _TRIED,
            Status.PENDING,
            but={
                Given.LATE: _LATE_WAITING,
                Given.SUPPRESSED: _SUPPRESSED,
                Given.SCHEDULED: Effect("it waits for its send_at and was never tried: nothing to try again"),
                Given.FRESH: Effect("it is in its turn: why(…) says what it waits for"),
            },
        ),
        Status.SENDING: _MAY_BE_WITHDRAWN,
        Status.SENT: _SENT_AGAIN,
        Status.FAILED: Effect(
            _TRIED,
            Status.PENDING,
            but={
                Given.ERASED: Effect(ERASED),
                Given.LATE: _LATE_FAILED,
                Given.SUPPRESSED: _SUPPRESSED,
            },
        ),
        Status.IN_DOUBT: Effect(
            _TRIED, Status.PENDING, but={Given.LATE: _LATE_PARKED, Given.SUPPRESSED: _SUPPRESSED}
        ),
        Status.HELD: Effect("it is held: release(…) lets it go"),
        Status.EXPIRED: _EXPIRED_AGAIN,
        Status.CANCELLED: _CANCELLED_AGAIN,
    },
    Request.MARK_SENT: {
        Status.PENDING: Effect(
            "it is not in doubt: it waits to be sent, and why(…) says for what",
            but={Given.DOUBTFUL: Effect(f"it waits to go again, and {_CANCEL_FIRST}")},
        ),
        Status.SENDING: _BEING_SENT,
        Status.SENT: Effect("it is sent already"),
        Status.FAILED: Effect("it is not in doubt: it failed, and retry(…) tries it again"),
        Status.IN_DOUBT: Effect("it counts as sent", Status.SENT),
        Status.HELD: Effect(
            "it is held, not in doubt: release(…) lets it go, cancel(…) ends it",
            but={Given.DOUBTFUL: Effect(f"it is held, and {_CANCEL_FIRST}")},
        ),
        Status.EXPIRED: Effect(f"it is not in doubt: it expired before it was sent, and {_AS_NEW}"),
        Status.CANCELLED: Effect(f"it is not in doubt: it is cancelled, and {_AS_NEW}"),
    },
}
"""What each request does in each state; what it sets beside the status, `store/requests.py` says."""


def effect(request: Request, status: Status, given: Collection[Given]) -> Effect:
    """Return what `request` does to a delivery in `status`, of which all of `given` is true."""
    usual = REQUESTS[request][status]
    return next((other for condition, other in usual.but.items() if condition in given), usual)


@dataclass(frozen=True, slots=True)
class Change:
    """What a request came to for one delivery.

    `done` says that this request has brought it where it was asked to be, or has withdrawn what was asked
    for while it is being sent. Where it has not, `says` tells why,
    and what to do instead; else what happens now. `after` is where the delivery stands with the caller's
    transaction. `new_message_id` names the new mail that `retry(…, as_new=True)` has made.
    """

    delivery_id: int
    message_id: UUID
    recipient: str
    before: Status
    after: Status
    done: bool
    says: str
    new_message_id: UUID | None = None
