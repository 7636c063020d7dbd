"""Say what a delivery waits for, or what became of it, and what a person can do: pure, from what is known.

Where several things keep it, the one is told without whose end no other helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from outbox.mail.request import ERASED, SENT_AGAIN, Request
from outbox.mail.status import Lane, Reason, Status
from outbox.mail.way import Gate, Way, at, by, faults


class Waits(StrEnum):
    """What a delivery waits for, or where it ended."""

    PAUSED = "paused"
    SCHEDULED = "scheduled"
    RETRY = "retry"
    RELAY_FAULT = "relay_fault"
    RATE = "rate"
    QUOTA = "quota"
    SUPPRESSED = "suppressed"
    BEING_SENT = "being_sent"
    NO_DAEMON = "no_daemon"
    IN_TURN = "in_turn"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SENT = "sent"


MOST_AHEAD = 10_000
"""Deliveries ahead that are counted, at most."""


@dataclass(frozen=True, slots=True)
class Why:
    """What one delivery waits for, and until when where that is known; `says` tells it, and what to do.

    `ahead` counts those of its stream that were due before it, in the same lane or a fresher one, at most
    10,000; `ahead_is_more` says that there are more. It is 0 for what is not due, and None where it was not
    counted: of a mail with many recipients 20 places in the queue are. `relay` is the one by which a pending
    one goes now, where that is known: only the daemon's settings tell it.
    """

    delivery_id: int
    message_id: UUID
    recipient: str
    status: Status
    waits_for: Waits
    until: datetime | None
    ahead: int | None
    ahead_is_more: bool
    says: str
    relay: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The last thing that somebody asked of a delivery."""

    verdict: str
    who: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one delivery.

    `relay` is the one that judged it last and `said` its answer, or what happened in the last attempt.
    `due_in` is in seconds, below 0 for what is due. `gates` are those before it, its stream's and its
    relay's; `way` says by which relay it goes, None where no settings tell that. `suppressed` says why its
    address gets no mail, `is_late` that its `expires_at` has passed, `is_erased` that its body is gone.
    `holder` is the host and the process that send it now.
    """

    status: Status
    lane: Lane
    due_at: datetime
    due_in: float
    attempts: int
    reason: str | None
    relay: str | None
    said: str | None
    gates: Sequence[Gate]
    suppressed: str | None
    is_late: bool
    asked: Asked | None
    holder: tuple[str, int] | None
    has_daemon: bool
    ahead: int | None
    way: Way | None = None
    is_erased: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a delivery waits for, and until when, in words."""

    waits_for: Waits
    says: str
    until: datetime | None = None


_AS_NEW = "retry(…, as_new=True) sends it again as a new mail"
_HELD: dict[str, str] = {
    Reason.POISON: "three daemons died while they sent it",
    Reason.PERSON: "somebody held it",
    Reason.STORM: "too much mail like it was queued in a short time",
    Reason.POLICY_STORM: "the relay refused everything for one reason, so look at that first",
    Reason.NOT_ALLOWED: "its recipient is not allowed in this environment",
}
_FAILED: dict[str, str] = {
    Reason.TOO_OLD: "no relay took it for days",
    Reason.SUPPRESSED: "its address was suppressed",
}


def explain(known: Known) -> Explanation:
    """Return what this delivery waits for, or what became of it."""
    words = f": {known.said}" if known.said else ""
    match known.status:
        case Status.PENDING:
            return _pending(known, words)
        case Status.SENDING:
            by = f" by process {known.holder[1]} on {known.holder[0]}" if known.holder else ""
            waits, says = Waits.BEING_SENT, f"it is being sent{by}, since when is not known"
        case Status.HELD:
            cause = _by(known, Request.HOLD) or _HELD.get(known.reason or "", "it is held")
            goes = "" if known.is_late else "release(…) lets it go, "
            waits, says = Waits.HELD, f"{cause}: {goes}cancel(…) ends it"
        case Status.IN_DOUBT:
            waits = Waits.IN_DOUBT
            decide = _decide(known)
            says = (
                f"nobody knows whether {_relay(known)} has it{words}; look at the relay's log, then {decide}"
            )
        case Status.FAILED:
            cause = _FAILED.get(known.reason or "", "it failed")
            waits, says = Waits.FAILED, f"{cause}{words}; {_sent_again(known) or _tried_again(known)}"
        case Status.EXPIRED:
            remedy = _sent_again(known) or _as_new(known)
            waits, says = Waits.EXPIRED, f"its expires_at passed before it was sent: {remedy}"
        case Status.CANCELLED:
            cause = _by(known, Request.CANCEL) or "it was cancelled"
            waits, says = Waits.CANCELLED, f"{cause}: {_sent_again(known) or _as_new(known)}"
        case Status.SENT:
            again = _sent_again(known)
            waits, says = Waits.SENT, _sent(known, words) + (f"; {again}" if again else "")
        case _:
            assert_never(known.status)
    return Explanation(waits, says)


def _pending(known: Known, words: str) -> Explanation:
    later = known.due_at if known.due_in > 0 else None
    if known.suppressed is not None:
        says = f"its address is suppressed ({known.suppressed}), and it will fail: unsuppress(…) lets it go"
        return Explanation(Waits.SUPPRESSED, says, later)
    paused = next((gate for gate in known.gates if gate.paused_at is not None), None)
    if paused is not None:
        return Explanation(Waits.PAUSED, _paused(paused), later)
    if later is not None:
        return _later(known, words, later)
    if not known.has_daemon:
        return Explanation(Waits.NO_DAEMON, "it is due, but no daemon is running: start one (outbox run)")
    return _closed(known.gates, known.way) or Explanation(
        Waits.IN_TURN, f"it is in its turn{by(known.way)}, {_ahead(known.ahead)}: nothing to do"
    )


def _closed(gates: Sequence[Gate], way: Way | None) -> Explanation | None:
    """Return which gates let nothing pass by themselves, if some do."""
    closed = [gate for gate in gates if gate.fault or gate.open_until]
    if closed:
        # By which of several relays it will go nobody knows, where no settings tell that.
        told = closed if way else closed[:1]
        first = min((gate.open_until for gate in told if gate.open_until), default=None)
        return Explanation(Waits.RELAY_FAULT, faults(told, way), first)
    if way == Way(None):
        says = "no relay of these settings takes its stream: ask where its daemon has its settings"
        return Explanation(Waits.NO_DAEMON, says)
    short = next((gate for gate in gates if gate.short_of is not None), None)
    if short is not None:
        waits = Waits.QUOTA if short.short_of == Waits.QUOTA else Waits.RATE
        until = f" until {at(short.short_until)}" if short.short_until else ""
        says = f"the {waits} of {short.what} lets no more pass{until}: nothing to do, or raise it"
        return Explanation(waits, says, short.short_until)
    return None


def _ahead(ahead: int | None) -> str:
    if ahead is None:
        return "and what is ahead of it was not counted"
    more = " or more" if ahead > MOST_AHEAD else ""
    return f"with {min(ahead, MOST_AHEAD):,}{more} ahead of it"


def _later(known: Known, words: str, later: datetime) -> Explanation:
    if known.lane is Lane.FRESH and not known.attempts:
        return Explanation(Waits.SCHEDULED, f"it is to be sent at {at(later)}, its send_at", later)
    says = f"it was put off{words}; the next try is at {at(later)}, retry(…) tries it now"
    return Explanation(Waits.RETRY, says, later)


def _decide(known: Known) -> str:
    if known.is_late:
        return "mark_sent(…) or cancel(…)"
    if known.suppressed is not None:
        return "mark_sent(…), cancel(…), or unsuppress(…) its address and retry(…)"
    return "mark_sent(…), retry(…) or cancel(…)"


def _as_new(known: Known) -> str:
    return ERASED if known.is_erased else _AS_NEW


def _tried_again(known: Known) -> str:
    if known.is_erased:
        return ERASED
    if known.is_late:
        return f"its expires_at has passed: {_AS_NEW}"
    if known.suppressed is not None:
        return "its address is suppressed: unsuppress(…) it, then retry(…) tries it again"
    return "retry(…) tries it again"


def _sent_again(known: Known) -> str | None:
    """Return which new mail came after it, if nothing else was asked since."""
    return known.asked.note if known.asked and known.asked.verdict == SENT_AGAIN else None


def _sent(known: Known, words: str) -> str:
    if known.reason == Reason.PERSON:
        return _by(known, Request.MARK_SENT) or "somebody marked it as sent"
    if known.reason == Reason.ASSUMED:
        return "it is assumed to be sent, since nobody can know (on_doubt)"
    return f"{_relay(known)} took it{words}; what became of it then is the relay's to know"


def _relay(known: Known) -> str:
    return f"the relay {known.relay!r}" if known.relay else "the relay"


def _by(known: Known, request: Request) -> str | None:
    """Return who asked for what has happened, if the last thing that was asked is that."""
    asked = known.asked
    if asked is None or asked.verdict != request or known.reason != Reason.PERSON:
        return None
    done = {Request.HOLD: "held", Request.CANCEL: "cancelled", Request.MARK_SENT: "marked as sent"}[request]
    return f"{done} by {asked.who}{_because(asked.note)}"


def _paused(gate: Gate) -> str:
    since = f" since {at(gate.paused_at)}" if gate.paused_at else ""
    by = f" by {gate.paused_by}" if gate.paused_by else ""
    return f"{gate.what} is paused{by}{since}{_because(gate.paused_why)}: resume(…) lets it go"


def _because(why: str | None) -> str:
    return f" ({why})" if why else ""
