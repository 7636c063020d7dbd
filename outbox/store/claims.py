"""Find the lines that have due mail, share a claim among them, and take what each is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from outbox.mail.status import Lane
from outbox.store.lanes import LEFT, Edge, Lanes, Line, Look
from outbox.store.moves import IN_LANE
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from outbox.mail.share import Shares
    from outbox.store.dialects import DaemonDialect
    from outbox.store.moves import Claim

# In order, since PostgreSQL would answer EXISTS by reading the table until it meets one: all the history.
_PEEK = select(delivery.c.due_at).where(IN_LANE).order_by(delivery.c.due_at).limit(1)

_OTHERS_FIRST = 4
"""Of the claims of one every fourth begins with what else comes last: a slow limit allows no larger ones."""

_REMEMBERED = 10_000
"""Streams of which it is known that their retries had the smaller half."""

_ROUNDS = 2
"""What a stream has no mail for is given to the others once; the next claim gives the rest."""


@dataclass(slots=True)
class Wanted:
    """What one claim may take: at most `limit`, of that at most `retries` from the lane of the retries.

    With `alone` one of the rescued is among them. Nothing is taken of the streams that are `paused`, and of
    each at most as many as there is `room` for; None is any number.
    """

    limit: int
    retries: int
    alone: bool = True
    paused: Collection[str] = frozenset()
    room: Callable[[str], int | None] = lambda _: None

    def room_of(self, stream: str, taken: Taken) -> int:
        """Return how many more may be taken of a stream."""
        room = self.room(stream)
        if room is None:
            return self.limit
        return max(0, room - sum(claim.stream == stream for claim in taken.claims))


@dataclass(slots=True)
class Taken:
    """What one claim took, and what it learnt of the lines."""

    claims: list[Claim] = field(default_factory=list)
    scanned: set[Line] = field(default_factory=set)
    edges: list[Edge] | None = None
    oldest: dict[Line, datetime] = field(default_factory=dict)
    now: datetime = LEFT
    took: float = 0.0


class Claims:
    """Claims for one daemon: from the lines in its `lanes`, shared by its `shares`."""

    def __init__(self, dialect: DaemonDialect, lanes: Lanes, shares: Shares) -> None:
        self._dialect = dialect
        self._lanes = lanes
        self._shares = shares
        self._ones = 0
        # Limited streams whose retries had the smaller half the last time.
        self._owed: set[str] = set()

    def look(self, wanted: Wanted) -> Look:
        """Return how a claim begins now."""
        return self._lanes.look(lambda stream: self._may_take(stream, wanted))

    def has_due(self, connection: Connection, look: Look, wanted: Wanted, seen: Taken) -> bool:
        """Tell by reading only whether a claim would find anything; note in `seen` what was learnt."""
        lines = self._lines(connection, look, wanted, seen)
        return any(
            # An edge tells nothing of what is too late by now.
            connection.execute(_PEEK, self._scan(line, look, seen)).first() is not None
            for some in lines.values()
            for line in some
        )

    def take(self, connection: Connection, holder: UUID, look: Look, wanted: Wanted) -> Taken:
        """Claim what is wanted; the caller commits, and then lets `learn` know."""
        taken = Taken()
        lines = self._lines(connection, look, wanted, taken)

        def from_lane(lane: Lane, most: int, *, half: bool = False) -> int:
            before = len(taken.claims)
            self._shared(connection, holder, look, taken, lane, lines[lane], wanted, most, half=half)
            return len(taken.claims) - before

        if wanted.limit == 1:
            # A probe: what met a fault once may meet it each time, so what has met none goes first.
            lanes = [Lane.FRESH, Lane.RETRY, Lane.ALONE]
            self._ones += 1
            if self._ones % _OTHERS_FIRST == 0:
                lanes.reverse()
            any(from_lane(lane, 1) for lane in lanes)
        else:
            room = wanted.limit - from_lane(Lane.ALONE, int(wanted.alone))
            most = min(room - room // 2, wanted.retries)
            retries = from_lane(Lane.RETRY, most, half=True)
            fresh = from_lane(Lane.FRESH, room - retries)
            # What a stream with a limit has no fresh mail for.
            lines[Lane.RETRY] = [line for line in lines[Lane.RETRY] if wanted.room(line.stream) is not None]
            from_lane(Lane.RETRY, min(most - retries, room - retries - fresh))
        return taken

    def learn(self, look: Look, taken: Taken) -> None:
        """Remember what a claim, which is committed, or a look has found."""
        if taken.edges is not None:
            self._lanes.found(look, taken.edges, taken.now, taken.took)
        dues: dict[Line, list[datetime]] = {line: [] for line in taken.scanned}
        for claim in taken.claims:
            dues[claim.line].append(claim.due_at)
        for line, each in dues.items():
            self._lanes.claimed(look, line, each)
            if each and line.lane is not Lane.ALONE:
                self._shares.took(line.stream, len(each))

    def _may_take(self, stream: str, wanted: Wanted) -> bool:
        serves = stream not in wanted.paused and self._shares.serves(stream)
        return serves and wanted.room(stream) != 0

    def _lines(
        self, connection: Connection, look: Look, wanted: Wanted, seen: Taken
    ) -> dict[Lane, list[Line]]:
        """Return the lines of each lane that may have due mail, of the streams that may be served now."""
        if look.is_whole:
            began = self._lanes.clock()
            seen.edges, seen.now = self._dialect.edges(connection)
            seen.took = self._lanes.clock() - began
            seen.oldest = {edge.line: edge.oldest for edge in seen.edges}
            known: Iterable[Line] = (edge.line for edge in seen.edges if edge.is_due)
        else:
            known = look.lines()
        lines: dict[Lane, list[Line]] = {lane: [] for lane in Lane}
        for line in known:
            if self._may_take(line.stream, wanted):
                lines[line.lane].append(line)
        if not wanted.alone:
            lines[Lane.ALONE] = []
        if not wanted.retries:
            lines[Lane.RETRY] = []
        return lines

    def _shared(
        self,
        connection: Connection,
        holder: UUID,
        look: Look,
        taken: Taken,
        lane: Lane,
        lines: list[Line],
        wanted: Wanted,
        most: int,
        *,
        half: bool,
    ) -> None:
        """Claim at most `most` more from these lines; what one has no mail for goes to the others.

        With `half` a stream whose room is limited has half of that.
        """
        most += len(taken.claims)
        line_of = {line.stream: line for line in lines}
        streams = set(line_of)
        for _ in range(_ROUNDS):
            waiting = len(streams)
            for stream, count in self._shares.split(streams, most - len(taken.claims), lane).items():
                line = line_of[stream]
                room = wanted.room_of(stream, taken)
                if half and wanted.room(stream) is not None:
                    room = self._half(stream, room)
                room = min(count, room)
                scan = self._scan(line, look, taken)
                found = self._dialect.claim(connection, holder, scan, room) if room else []
                taken.scanned.add(line)
                taken.claims += found
                if len(found) < count:
                    streams.discard(stream)
            if len(streams) in {0, waiting}:
                break

    def _half(self, stream: str, places: int) -> int:
        """Return the retries' half of a room: of an odd number now the smaller one, now the larger."""
        part, odd = divmod(places, 2)
        if not odd:
            return part
        if stream in self._owed:
            self._owed.remove(stream)
            return part + 1
        if len(self._owed) < _REMEMBERED:
            self._owed.add(stream)
        return part

    @staticmethod
    def _scan(line: Line, look: Look, seen: Taken) -> dict[str, Any]:
        """Return the parameters of IN_LANE: where this look found its oldest, else where it begins."""
        floor = seen.oldest.get(line) or look.floor(line)
        return {"lane_stream": line.stream, "lane_number": int(line.lane), "lane_floor": floor}
