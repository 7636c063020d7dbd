"""Parcels in their order, of which some are retries."""

from __future__ import annotations

from collections import Counter, deque
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outbox.worker.parcel import Kind, Parcel


class Row:
    """Parcels in their order, and how many of each kind there are, of the fresh ones and of the `retries`."""

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.fresh: Counter[Kind] = Counter()
        self.retried: Counter[Kind] = Counter()
        self.retries = 0

    def put(self, parcel: Parcel, *, first: bool = False) -> None:
        """Add a parcel behind the others, or before them."""
        self._kinds(parcel)[parcel.kind] += 1
        self.retries += parcel.retry
        if first:
            self.parcels.appendleft(parcel)
        else:
            self.parcels.append(parcel)

    def take(self, lets: Callable[[Kind], bool], *, retries: bool) -> Parcel | None:
        """Take out the first one of a kind that may go, as `lets` tells; a retry only where `retries` may.

        It is mostly the first one or none: so no kind is asked about twice, and when all were, none may go.
        """
        barred: set[Kind] = set()
        kinds = len(self.fresh) + (len(self.retried) if retries else 0)
        for parcel in self.parcels:
            if (parcel.retry and not retries) or (kind := parcel.kind) in barred:
                continue
            if lets(kind):
                self._out(parcel)
                return parcel
            barred.add(kind)
            if len(barred) == kinds:
                break
        return None

    def runs(self, *, retries: bool) -> Iterator[tuple[Kind, int]]:
        """Give the kinds of the parcels in their order, each with how many follow; `retries` too, or not."""
        counts = self.fresh + self.retried if retries else self.fresh
        if len(counts) > 1:
            there = (each for each in self.parcels if retries or not each.retry)
            yield from ((kind, len([*alike])) for kind, alike in groupby(there, attrgetter("kind")))
        else:
            # Mostly there is one kind, of hundreds of parcels.
            yield from counts.items()

    def remove(self, parcel: Parcel) -> bool:
        """Take out a parcel, if it is here."""
        if parcel not in self.parcels:
            return False
        self._out(parcel)
        return True

    def _out(self, parcel: Parcel) -> None:
        self.parcels.remove(parcel)
        self.retries -= parcel.retry
        kinds, kind = self._kinds(parcel), parcel.kind
        left = kinds[kind] - 1
        if left:
            kinds[kind] = left
        else:
            del kinds[kind]

    def takeable(self, room: int) -> int:
        """Return how many may be taken while there is room for so many retries."""
        return len(self.parcels) - max(0, self.retries - room)

    def held(self, stream: str | None) -> int:
        """Return how many recipients there are, of one stream or of all; on any thread."""
        kinds = (*tuple(self.fresh.items()), *tuple(self.retried.items()))
        return sum(count * size for (its, size), count in kinds if stream in {None, its})

    def _kinds(self, parcel: Parcel) -> Counter[Kind]:
        return self.retried if parcel.retry else self.fresh
