"""A parcel: the claimed recipients of one message that travel in one SMTP transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from outbox.journal.record import name_of
from outbox.mail.rescue import announces
from outbox.mail.status import Lane, OnDoubt
from outbox.store.batches import FEW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID

    from outbox.store.bodies import Message
    from outbox.store.lanes import Line
    from outbox.store.moves import Claim
    from outbox.worker.lease import Lease

Kind = tuple[str, int]
"""The stream of a parcel, and how many recipients it has."""


@dataclass(slots=True, eq=False)
class Parcel:
    """Recipients of one message, held under one lease; like no other, whatever that holds.

    `claimed_at` is by the daemon's steady clock, `size` the bytes that its body takes in memory.
    """

    message_id: UUID
    claims: list[Claim]
    lease: Lease
    claimed_at: float
    size: int
    message: Message | None = None
    tries: int = 0
    """How often it went over another connection because the one before left it untouched."""
    lane: Lane = Lane.FRESH
    announced: bool = False
    """Whether the database knows that its sending begins, where it has to."""
    begun: bool = False
    """Whether a sender has taken it."""
    begun_at: float = 0.0
    """When the one that has it now took it, by the daemon's steady clock."""
    kind: Kind = field(init=False)
    """What limits know it by; a field, as each mail is looked at by it several times on its way."""
    _names: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Tell the kind."""
        self.kind = self.claims[0].stream, len(self.claims)

    def names(self) -> str:
        """Return the names of its claims in the journal, with spaces between; they are made once."""
        if not self._names:
            self._names = " ".join([name_of(self.message_id, claim.n, claim.fence) for claim in self.claims])
        return self._names

    @property
    def waited(self) -> list[float]:
        """Seconds for which each recipient had been due when a sender took it."""
        here = self.begun_at - self.claimed_at
        return [claim.due_ago + here for claim in self.claims]

    @property
    def alone(self) -> bool:
        """Whether it is a rescued delivery, which travels by itself."""
        return self.lane is Lane.ALONE

    @property
    def waits(self) -> bool:
        """Whether its sending has to be announced first."""
        if self.announced:
            return False
        return announces(self.message.on_doubt if self.message else OnDoubt.RESEND, self.lane)

    @property
    def retry(self) -> bool:
        """Whether its recipients were put off before: such parcels take half of the senders at most."""
        return self.lane is Lane.RETRY

    @property
    def stream(self) -> str:
        """The stream of its message."""
        return self.kind[0]

    def split_expired(self, now: float) -> list[Claim]:
        """Take out and return the claims that are too late to be useful by now."""
        age = now - self.claimed_at
        late = [claim for claim in self.claims if claim.expires_in is not None and claim.expires_in <= age]
        if late:
            self.claims = [claim for claim in self.claims if claim not in late]
            self.kind = self.stream, len(self.claims)
            self._names = ""
        return late


def pack(claims: Iterable[Claim], lease: Lease, now: float, most: Callable[[str], int]) -> list[Parcel]:
    """Group claims by message and line into parcels, in the order of the claims.

    `most` tells of a stream how many recipients may travel together.

    A rescued delivery, of which a claim has one at most, so goes by itself.
    """
    by_message: dict[tuple[UUID, Line], list[Claim]] = {}
    for claim in claims:
        by_message.setdefault((claim.message_id, claim.line), []).append(claim)
    together = {stream: most(stream) for stream in {line.stream for _, line in by_message}}
    return [
        Parcel(message_id, part, lease, now, part[0].size, lane=line.lane)
        for (message_id, line), whole in by_message.items()
        for part in _parts(iter(whole), together[line.stream])
    ]


def _parts(claims: Iterator[Claim], most: int) -> Iterator[list[Claim]]:
    while part := list(islice(claims, most)):
        yield part


def first_of(parcels: Iterable[Parcel], lease: Lease) -> Iterator[Parcel]:
    """Yield those of one lease that a statement can name; one at least."""
    claims = 0
    for parcel in parcels:
        if parcel.lease is lease:
            claims += len(parcel.claims)
            if claims <= max(FEW, len(parcel.claims)):
                yield parcel
