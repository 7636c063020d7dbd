"""Whose turn it is: how the streams that have due mail share the places of one claim.

Each class of priority is left a tenth of the places, and the rest goes to the highest one. Within a class
the streams take turns: who has had least for its weight goes first (stride scheduling, Waldspurger and Weihl
1995). A stream that comes back from silence starts with the others: it neither waits behind a neighbour's
flood, nor makes up for the time in which it had no mail.
"""

from collections.abc import Callable, Collection
from heapq import heapify, heapreplace

from outbox.mail.status import Lane
from outbox.mail.stream import Priority, Streams

MOST = 32
"""Streams that one claim serves at most: each is a statement, and the next claim serves the others."""

_REMEMBERED = 10_000
"""Streams of which it is known what they had."""

_LEAST_PART = 10
"""Each class of priority has at least the tenth part."""


class Shares:
    """The turns of the streams of which `serves` tells that they are served now."""

    def __init__(
        self, streams: Streams | None = None, serves: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.serves = serves
        self._streams = streams or Streams()
        # For each stream what it has had, divided by its weight; for each class, how far the last one is.
        self._had: dict[str, float] = {}
        self._last: dict[Priority, float] = {}
        # What each lower class has not had of its part of a lane, in places times that part.
        self._owed: dict[tuple[Lane, Priority], int] = {}

    def split(self, names: Collection[str], places: int, lane: Lane = Lane.FRESH) -> dict[str, int]:
        """Share `places` of a lane among these streams; one that gets nothing is left out."""
        classes = {
            priority: members
            for priority in Priority
            if (members := [name for name in names if self._streams.of(name).priority is priority])
        }
        shared: dict[str, int] = {}
        for priority, part in self._parts(lane, list(classes), places).items():
            shared |= self._turns(priority, classes[priority], part)
        return shared

    def took(self, name: str, count: int) -> None:
        """Note that so many mails of a stream were claimed."""
        stream = self._streams.of(name)
        had = max(self._had.pop(name, 0.0), self._last.get(stream.priority, 0.0))
        self._had[name] = had + count / stream.weight
        if len(self._had) > _REMEMBERED:
            # Who had something longest ago is hardly ahead of the others any more.
            del self._had[next(iter(self._had))]

    def _parts(self, lane: Lane, classes: list[Priority], places: int) -> dict[Priority, int]:
        """Return how many places each class has; what is less than one is owed to it by the next claims."""
        parts = dict.fromkeys(classes, 0)
        for priority in classes[1:]:
            owed = self._owed.get((lane, priority), 0) + places
            parts[priority] = min(owed // _LEAST_PART, places - sum(parts.values()))
            # Kept while it is not here, too: what a class has no mail for is shared again among the others.
            self._owed[lane, priority] = owed - parts[priority] * _LEAST_PART
        for priority in classes[:1]:
            parts[priority] = places - sum(parts.values())
        return parts

    def _turns(self, priority: Priority, members: list[str], places: int) -> dict[str, int]:
        if not places:
            return {}
        start = self._last.get(priority, 0.0)
        turns = [(max(self._had.get(name, 0.0), start), name) for name in members]
        heapify(turns)
        self._last[priority] = turns[0][0]
        if len(turns) == 1:
            return dict.fromkeys(members, places)
        shared: dict[str, int] = {}
        for _ in range(places):
            had, name = turns[0]
            if name not in shared and len(shared) == MOST:
                break
            shared[name] = shared.get(name, 0) + 1
            heapreplace(turns, (had + 1 / self._streams.of(name).weight, name))
        return shared
