"""Reconcile what an application committed and rolled back with what arrived and what the queue says of it.

Pure: the drivers gather, the oracle judges. It believes the application's own account and the ledger, never
the outbox, of which it only knows where each delivery ended, and what killed daemons held.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from outbox.mail.status import OnDoubt, Reason, Status
from tests.support.ledger import Entry

_CRASHES = 3
"""Kills that must have met a mail announced before it may be held as poison."""

_DOUBTS = 3
"""Doubts after which also a mail that is to be sent again waits for a person."""

_NO_DOUBTS: Mapping["Key", int] = {}

Key = tuple[str, str]
"""One recipient of one mail: Message-ID and address."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the application was promised for one recipient: these bytes, and this when in doubt."""

    body_hash: str
    on_doubt: OnDoubt = OnDoubt.RESEND


@dataclass(frozen=True, slots=True)
class Final:
    """Where one delivery ended, and under which fence."""

    status: Status
    fence: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """One daemon's end: its name in EHLO, the fences under which it held deliveries then, and its session.

    `announced` is what it had told the database that it would send alone.
    """

    client: str
    held: Mapping[Key, int]
    announced: Collection[Key] = ()
    session: object = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a database that went back knows no more: mail as a whole, and how the work of sessions went on."""

    gone: Collection[Key] = ()
    sessions: Collection[object] = ()


NOTHING = Forgotten()


@dataclass(slots=True)
class Account:
    """What became of all mails; each list names what a promise was broken for."""

    lost: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    unjustified: list[str] = field(default_factory=list)
    duplicates: int = 0
    unrecorded: list[int] = field(default_factory=list)
    ends: Counter[Status] = field(default_factory=Counter)
    committed: int = 0
    rolled_back: int = 0

    @property
    def broken(self) -> list[str]:
        """Everything that must not be."""
        return [*self.lost, *self.ghosts, *self.altered, *self.unjustified]

    @property
    def figures(self) -> str:
        """What every driver tells."""
        return (
            f"{self.committed} recipients committed and {self.rolled_back} rolled back: "
            f"lost {len(self.lost)}, ghosts {len(self.ghosts)}, altered {len(self.altered)}, "
            f"duplicates {self.duplicates}"
        )


def reconcile(
    committed: Mapping[Key, Promise],
    rolled_back: Collection[Key],
    ledger: Sequence[Entry],
    final: Mapping[Key, Final],
    kills: Sequence[Kill] = (),
    rescued: Collection[Key] = (),
    gone: Collection[Key] = (),
    doubts: Mapping[Key, int] = _NO_DOUBTS,
) -> Account:
    """Judge one run, after the queue is empty and every daemon has stopped.

    `rescued` is what was taken from killed daemons: it may be more than they held at the kills, for a claim
    whose COMMIT was on its way may have succeeded after. `gone` is what a database that went back does not
    have any more: it may have arrived before, and must not arrive twice. `doubts` counts the dots without an
    answer that daemons have told of: where the relay was cut, each of them may have arrived.
    """
    account = Account(committed=len(committed), rolled_back=len(rolled_back))
    account.ends.update(end.status for end in final.values())
    arrived = Counter((entry.message_id, entry.recipient) for entry in ledger)
    unrecorded = [_unrecorded(kill, ledger, final) for kill in kills]
    account.unrecorded = [len(keys) for keys in unrecorded]
    excused = Counter(key for keys in unrecorded for key in keys)
    crashes = Counter(key for kill in kills for key in kill.announced)

    for key, promise in committed.items():
        end = final.get(key)
        is_poison = end is not None and end.reason == Reason.POISON and crashes[key] >= _CRASHES
        is_excused = is_poison or (key in gone and end is None)
        doubted = doubts.get(key, 0)
        is_excused = is_excused or (doubted >= _DOUBTS and end is not None and end.status is Status.IN_DOUBT)
        unsure = key in rescued or doubted > 0
        problem = None if is_excused else _problem(promise, end, arrived[key], rescued=unsure)
        if problem:
            account.lost.append(f"lost {_name(key)}: {problem}")
        more = max(0, arrived[key] - 1)
        account.duplicates += more
        if more > excused[key] + doubted:
            because = f"{excused[key]} at kills" + (f", {doubted} in doubt" if doubted else "")
            account.unjustified.append(f"doubled {_name(key)}: {more} too many, {because}")
    for key in (arrived.keys() | final.keys()) - committed.keys():
        origin = "rolled back" if key in rolled_back else "of nobody"
        account.ghosts.append(f"ghost {_name(key)}: {origin}, arrived {arrived[key]} times")
    for entry in ledger:
        promised = committed.get((entry.message_id, entry.recipient))
        if promised is not None and promised.body_hash != entry.body_hash:
            account.altered.append(f"altered {_name((entry.message_id, entry.recipient))}")
    return account


def _unrecorded(kill: Kill, ledger: Sequence[Entry], final: Mapping[Key, Final]) -> set[Key]:
    """Return what a killed daemon brought without a verdict in the database.

    A COMMIT that was on its way may still have succeeded: then the delivery ended as sent under the very
    fence that was killed, which nobody else ever has.
    """
    brought = {(entry.message_id, entry.recipient) for entry in ledger if entry.client == kill.client}
    return {key for key in brought & kill.held.keys() if not _is_recorded(final.get(key), kill.held[key])}


def _is_recorded(end: Final | None, fence: int) -> bool:
    return (
        end is not None and end.status is Status.SENT and end.fence == fence and end.reason != Reason.ASSUMED
    )


def _problem(promise: Promise, end: Final | None, arrived: int, *, rescued: bool) -> str | None:
    """Return why the end of a committed mail is none that the design explains, or None."""
    may_doubt = rescued and promise.on_doubt is not OnDoubt.RESEND
    match end:
        case None:
            return "it is not in the database"
        case Final(Status.SENT, reason=Reason.ASSUMED) if promise.on_doubt is OnDoubt.ASSUME_SENT and rescued:
            return None
        case Final(Status.SENT):
            return None if arrived else "it is called sent, and never arrived"
        case Final(Status.IN_DOUBT) if may_doubt:
            return None
        case _:
            return f"it ended as {end.status} ({end.reason}), asked {promise.on_doubt} in doubt"


def _name(key: Key) -> str:
    return " to ".join(key)
