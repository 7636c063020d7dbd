"""What is paused, at which stage, and how it must end; `tests/lab/pause.py` pauses it."""

from dataclasses import dataclass

from outbox import OnDoubt
from outbox.mail.status import Move, Status
from tests.lab.staged import Stage, answering, before_the_dot, in_the_body

_BODY = "All is well.\n" * 10
_LONG_BODY = "All is well.\n" * 700_000
"""More than the kernel keeps of what nobody reads."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mail ended.

    `late` is what was kept of the paused daemon's verdict, `dotted` whether its dot came, `copies` what
    the other daemon sent.
    """

    status: Status
    late: Move | None
    dotted: bool
    copies: int


@dataclass(frozen=True, slots=True)
class Case:
    """A mail that is at `stage` when its daemon is paused; `fault` is the number of what is tried."""

    name: str
    fault: int
    stage: Stage
    on_doubt: OnDoubt
    expected: Outcome
    body: str = _BODY

    @property
    def recipient(self) -> str:
        """Its recipient, by whom the relay knows it."""
        return f"{self.name}@example.org"


def _sent(late: Move | None = None, *, dotted: bool = True) -> Outcome:
    """The other daemon has sent it: `on_doubt` let it go again."""
    return Outcome(Status.SENT, late, dotted, 1)


def _in_doubt(late: Move | None = None, *, dotted: bool = True) -> Outcome:
    """It waits for a person, as it did before the paused daemon came back."""
    return Outcome(Status.IN_DOUBT, late, dotted, 0)


_RESEND, _HOLD = OnDoubt.RESEND, OnDoubt.HOLD
_YES, _LATER, _NO, _CUT = map(answering, ("250 2.0.0 late", "451 4.3.0 busy", "554 5.7.1 no", None))
_ACCEPTED = Outcome(Status.SENT, Move.DELIVER, dotted=True, copies=0)

UNWRITTEN = Case("unwritten-success", 5, _YES, _HOLD, _ACCEPTED)
"""Of this one the daemon knows the answer when it is paused, and could not write it."""

CASES = (
    Case("before-the-dot", 4, before_the_dot, _RESEND, _sent(dotted=False)),
    Case("before-the-dot-in-doubt", 4, before_the_dot, _HOLD, _in_doubt(dotted=False)),
    Case("in-the-body", 4, in_the_body, _RESEND, _sent(dotted=False), _LONG_BODY),
    Case("late-success", 5, _YES, _RESEND, _sent(Move.DELIVER)),
    Case("late-success-in-doubt", 5, _YES, _HOLD, _ACCEPTED),
    UNWRITTEN,
    Case("late-deferral", 6, _LATER, _RESEND, _sent()),
    Case("late-deferral-in-doubt", 6, _LATER, _HOLD, _in_doubt()),
    Case("late-refusal", 6, _NO, _RESEND, _sent()),
    Case("late-refusal-in-doubt", 6, _NO, _HOLD, _in_doubt()),
    Case("late-doubt", 6, _CUT, _RESEND, _sent(Move.DOUBT_RESEND)),
    Case("late-doubt-in-doubt", 6, _CUT, _HOLD, _in_doubt(Move.DOUBT_HOLD)),
)
