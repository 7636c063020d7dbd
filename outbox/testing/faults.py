"""What a faulty server does at a stage in place of the usual, and whose turn it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from outbox.errors import InvalidValueError

if TYPE_CHECKING:
    from outbox.testing.attempt import Attempt

_REPLY = re.compile(r"[2-5][0-9][0-9]( [ -~]*)?")


class Silence(Enum):
    """Ways to give no answer."""

    CUT = "cut"
    STALL = "stall"


cut = Silence.CUT
"""Drop the connection, without an answer."""

stall = Silence.STALL
"""Say nothing more on this connection, until the client leaves."""


@dataclass(frozen=True, slots=True)
class after:  # noqa: N801 - it is read as a word: after(3, "250 2.0.0 ok")
    """Do `then` after so many seconds; None is the usual answer."""

    seconds: float
    then: str | Silence | None = None


@dataclass(frozen=True, slots=True)
class taken:  # noqa: N801 - as above
    """Take the mail, although the answer to its end is `then`: a `cut`, a `stall`, a refusal."""

    then: str | Silence | after


Step: TypeAlias = "str | Silence | after | taken | None"
"""A reply, such as "450 4.2.1 busy", or what else happens; None is the usual answer."""

Fault: TypeAlias = "Step | Sequence[Step] | Callable[[Attempt], Step]"
"""A step for every time; or several, one a time, the last for ever; or a function of the mail."""

Faults: TypeAlias = "Fault | Mapping[str, Fault]"
"""A fault for everybody; or by address, "@domain" or "*". Each address takes its own turns."""


class Plan:
    """The faults by stage. Raises InvalidValueError for what is none."""

    def __init__(self, faults: Mapping[str, Faults]) -> None:
        self._faults = {stage: _checked(stage, fault) for stage, fault in faults.items()}
        self._turns: Counter[tuple[str, str]] = Counter()

    def step(self, stage: str, attempt: Attempt, address: str = "") -> Step:
        """Return what to do now; `address` is the sender's or recipient's, at the stages that have one."""
        fault: Any = self._faults[stage]
        turn = (stage, "")
        if isinstance(fault, Mapping):
            known = {key.lower(): value for key, value in fault.items()}
            names = (address.lower(), f"@{address.lower().rpartition('@')[2]}", "*")
            fault = next((known[name] for name in names if name in known), None)
            turn = (stage, address.lower())
        if isinstance(fault, Sequence) and not isinstance(fault, str):
            self._turns[turn] += 1
            return fault[min(self._turns[turn], len(fault)) - 1]  # type: ignore[no-any-return] # checked
        if callable(fault):
            return _checked_step(stage, fault(attempt))
        return fault  # type: ignore[no-any-return] # checked


def _checked(stage: str, fault: Faults) -> Faults:
    if isinstance(fault, Mapping):
        if stage not in {"mail", "rcpt"}:
            raise InvalidValueError(stage, fault, "has no address to choose by", "Give one fault, or a list.")
        for each in fault.values():
            _checked(stage, each)
    elif isinstance(fault, Sequence) and not isinstance(fault, str):
        if not fault:
            raise InvalidValueError(stage, fault, "is empty", "Give at least one step, or None for no fault.")
        for each in fault:
            _checked_step(stage, each)
    elif not callable(fault):
        _checked_step(stage, fault)
    return fault


def _checked_step(stage: str, step: Any) -> Step:
    inner = step.then if isinstance(step, taken) else step
    inner = inner.then if isinstance(inner, after) else inner
    is_reply = isinstance(inner, str) and _REPLY.fullmatch(inner)
    if not (is_reply or inner is None or isinstance(inner, Silence)):
        raise InvalidValueError(
            stage, step, "is no step of a server", 'Give a reply like "450 4.2.1 busy", cut, stall or None.'
        )
    if isinstance(step, taken) and stage != "end_of_data":
        raise InvalidValueError(stage, step, "has no mail to take yet", "Take it at end_of_data.")
    return step  # type: ignore[no-any-return] # checked
