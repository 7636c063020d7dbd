"""Try one fault after another in one conversation, and keep account."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tests.cuts.conversations import Conversation
from tests.cuts.daemon import Daemon
from tests.cuts.fault import ALTERED, Fault, Kind, Way
from tests.cuts.trial import run_trial
from tests.support.virtual_time import StuckError, VirtualLoop

_UNDER_TLS = frozenset(Kind) - {Kind.NUL, Kind.CR, Kind.LF, Kind.NEXT}
"""To TLS one changed byte is like another."""


@dataclass(slots=True)
class Tally:
    """The account of many trials; `lost` and `unexplained` name the fault and the mail."""

    conversation: str
    tried: int = 0
    by_kind: Counter[Kind] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    explained: int = 0
    doubts: int = 0
    stages: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def add(self, other: "Tally") -> None:
        """Add the account of `other`."""
        self.tried += other.tried
        self.lost += other.lost
        self.unexplained += other.unexplained
        self.explained += other.explained
        self.doubts += other.doubts
        self.stages |= other.stages
        self.seconds += other.seconds

    def __str__(self) -> str:
        return (
            f"{self.conversation}: {self.tried} positions tried, lost {len(self.lost)}, "
            f"unexplained {len(self.unexplained)}; in doubt {self.doubts}, "
            f"duplicates explained {self.explained}; {self.seconds:.1f} s"
        )


def every_fault(conversation: Conversation) -> Iterator[Fault]:
    """Yield each kind of fault at each byte of each direction, where it changes anything."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        carried = runner.run(run_trial(conversation, None)).carried
    for way in Way:
        clear = conversation.clear(carried[way])
        for at, byte in enumerate(carried[way]):
            for kind in Kind:
                altered = ALTERED[kind](byte) if kind in ALTERED else b""
                if altered != bytes([byte]) and (at < clear or kind in _UNDER_TLS):
                    yield Fault(kind, way, at)


def sweep(
    conversation: Conversation, faults: Iterable[Fault], make_daemon: Callable[[], Daemon] = Daemon
) -> Tally:
    """Try `faults`; a conversation in which everybody waits for ever loses its mails."""
    tally = Tally(conversation.name)
    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        for fault in faults:
            try:
                outcome = runner.run(run_trial(conversation, fault, make_daemon))
            except StuckError as error:
                tally.lost.append(f"{fault}: {error}")
                break
            if not outcome.struck:
                # Under TLS no two connections have exactly the same length.
                continue
            tally.tried += 1
            tally.by_kind[fault.kind] += 1
            tally.lost += [f"{fault}: {each}" for each in outcome.lost]
            tally.unexplained += [f"{fault}: {each}" for each in outcome.unexplained]
            tally.explained += outcome.duplicates - len(outcome.unexplained)
            tally.doubts += outcome.doubts
            tally.stages |= outcome.stages
    tally.seconds = time.monotonic() - began
    return tally
