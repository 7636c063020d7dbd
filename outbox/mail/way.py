"""Say in words which way a waiting delivery goes, and what stands before it: pure, from what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands before a delivery: a pause of `what`, in words, its fault, or what it is short of.

    A relay is down since `opened_at`, and is tried again at `open_until`; `short_of` is "rate" or "quota",
    until then.
    """

    what: str
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None
    fault: str | None = None
    open_until: datetime | None = None
    short_of: str | None = None
    short_until: datetime | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """By which `relay` a delivery goes now, as far as settings tell; None: by none.

    Those that would have it before that one are down: `passed`.
    """

    relay: str | None
    passed: tuple[Gate, ...] = ()


def at(instant: datetime) -> str:
    """Return an instant as people read it, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def by(way: Way | None) -> str:
    """Return by which relay it goes, and why not by another, to end a sentence; empty if nobody knows."""
    if way is None or way.relay is None:
        return ""
    down = " and ".join(_down(gate) for gate in way.passed)
    return f" by the relay {way.relay!r}" + (f", as {down}" if down else "")


def faults(gates: Sequence[Gate], way: Way | None) -> str:
    """Return what is at fault with each of these gates, and when it is tried again."""
    words = "; ".join(_fault(gate) for gate in gates)
    if way is None and any(gate.open_until for gate in gates):
        # Which relays a stream names only the daemon's settings tell.
        return f"{words}; if its stream names another relay, that one takes it: outbox why ID tells"
    return words


def _fault(gate: Gate) -> str:
    again = f"; it is tried again at {at(gate.open_until)}" if gate.open_until else ""
    state = _down(gate) if gate.open_until else f"{gate.what} takes no mail now"
    return f"{state}: {gate.fault or 'its daemons could not reach it'}{again}"


def _down(gate: Gate) -> str:
    return f"{gate.what} is down" + (f" since {at(gate.opened_at)}" if gate.opened_at else "")
