"""The protocol of one delivery, small enough to be explored whole: its row, a few workers, a relay.

Here stands what there is. `writes.py` says what each transaction makes of it, `steps.py` what may happen.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from outbox.mail.status import Lane, OnDoubt, Status


@dataclass(frozen=True, slots=True)
class Rules:
    """What is explored: the mail's `on_doubt`, the lane that it begins in, and which guards stand.

    `claims` bounds the fence. With `pauses` a worker may stand still between its last-moment check and the
    dot, which no program can exclude. The guards: `fence` is the condition of every owned write, `check`
    the last-moment check, `sweep` gives back what was claimed and not known.
    """

    on_doubt: OnDoubt
    claims: int
    lane: Lane = Lane.FRESH
    pauses: bool = False
    fence: bool = True
    check: bool = True
    sweep: bool = True


class Own(IntEnum):
    """Under which of a worker's sessions something is held: one that was declared lost begins another."""

    NOT = 0
    PRESENT = 1
    FORMER = 2


class Cover(IntEnum):
    """What the database knows of the claim under which a dot went out, or may still go out."""

    HELD = 0
    """The row is still held under it."""
    DOUBTED = 1
    """It ended by a move that says: perhaps it was sent."""
    DENIED = 2
    """It ended by a move that says that it was not sent, or that it was sent."""
    PAUSED = 3
    """DOUBTED before the dot went out, which the worker had checked before that and then stood still."""
    STRAY = 4
    """It had ended before the dot went out, and nothing excuses it."""


EXCUSED = frozenset({Cover.DOUBTED, Cover.PAUSED})
"""Whatever comes behind a copy of these was justified."""


class Place(IntEnum):
    """How far a worker is with its claim."""

    CLAIMED = 0
    """And not announced, which a mail must be that was rescued, or must not go twice."""
    BODY = 1
    """Envelope and body are leaving, or have left: the dot has not."""
    CHECKED = 2
    DOTTED = 3


class Said(IntEnum):
    """What a worker has learnt of its mail."""

    YES = 0
    LATER = 1
    FAULT = 2
    NOTHING = 3
    """The dot went out, and no answer came."""


class Hand(NamedTuple):
    """A claim in the hands of a worker."""

    fence: int
    own: Own
    place: Place
    cover: Cover
    doubts: int


class Note(NamedTuple):
    """A verdict that a worker has to write; `written` if it is, and the answer to the COMMIT was lost."""

    fence: int
    own: Own
    said: Said
    doubts: int
    written: bool


class Worker(NamedTuple):
    """One daemon: `known` says that the database calls its session alive, `trusts` that it does so itself."""

    alive: bool = True
    known: bool = True
    trusts: bool = True
    holds: Own = Own.NOT
    hand: Hand | None = None
    note: Note | None = None


class Row(NamedTuple):
    """The delivery; who holds it stands in `Worker.holds`, since workers have no order."""

    status: Status = Status.PENDING
    fence: int = 0
    lane: Lane = Lane.FRESH
    rescues: int = 0
    doubts: int = 0
    announced: bool = False
    assumed: bool = False


class Copy(NamedTuple):
    """What the relay has stored, by the claim under which it was sent."""

    fence: int
    cover: Cover


class State(NamedTuple):
    """Everything at one moment. Workers are interchangeable: `state_of` puts them in one order."""

    row: Row
    copies: tuple[Copy, ...]
    workers: tuple[Worker, ...]


def state_of(row: Row, copies: tuple[Copy, ...], workers: list[Worker]) -> State:
    """Return the state that stands for all those that nothing can tell apart from here on."""
    if row.status not in (Status.PENDING, Status.SENDING):
        row = Row(row.status, assumed=row.assumed)
    alike = sorted(copy._replace(fence=0) if copy.cover in EXCUSED else copy for copy in copies)
    return State(row, tuple(alike), tuple(sorted(map(_alike, workers), key=hash)))


def _alike(worker: Worker) -> Worker:
    """Forget a lease under which nothing is held: it may end, or its worker, also after the next claim."""
    owns = (worker.holds, worker.hand and worker.hand.own, worker.note and worker.note.own)
    if Own.PRESENT in owns:
        return worker
    return worker._replace(alive=True, known=True, trusts=True)


def first(rules: Rules, workers: int) -> State:
    """Return the state after the application's COMMIT, or after a first rescue where `rules` say so."""
    row = Row(lane=rules.lane, rescues=int(rules.lane is Lane.ALONE))
    return state_of(row, (), [Worker()] * workers)


def replaced(workers: tuple[Worker, ...], me: int, worker: Worker) -> list[Worker]:
    """Return the workers with another one in the place of `me`."""
    return [worker if n == me else other for n, other in enumerate(workers)]
