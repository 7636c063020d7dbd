"""What a check has found: one thing that was looked at, how it stands, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `remedy` says what to do. An outage is a fault that may mend without a change here."""

    subject: str
    level: Level
    says: str
    remedy: str = ""
    is_outage: bool = False


def ok(subject: str, says: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(subject, Level.OK, says)


def warning(subject: str, says: str, remedy: str) -> Finding:
    """Return that mail goes, but something will cost some of it, or its privacy, some day."""
    return Finding(subject, Level.WARNING, says, remedy)


def fault(subject: str, says: str, remedy: str) -> Finding:
    """Return that mail does not go until somebody has changed this."""
    return Finding(subject, Level.FAULT, says, remedy)


def outage(subject: str, says: str, remedy: str) -> Finding:
    """Return that somebody does not answer, who may answer later."""
    return Finding(subject, Level.FAULT, says, remedy, is_outage=True)


def unchecked(subject: str, why: str) -> Finding:
    """Return that nobody could look."""
    return Finding(subject, Level.UNCHECKED, why)
