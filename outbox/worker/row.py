"""Parcels in their order, of which some are retries."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.parcel import Kind, Parcel


class Row:
    """Parcels in their order, how many of them are retries, and how many of each kind there are."""

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.retries = 0
        self.kinds: Counter[Kind] = Counter()

    def put(self, parcel: Parcel, *, first: bool = False) -> None:
        """Add a parcel behind the others, or before them."""
        self.retries += parcel.retry
        self.kinds[parcel.kind] += 1
        if first:
            self.parcels.appendleft(parcel)
        else:
            self.parcels.append(parcel)

    def take(self, which: Callable[[Parcel], bool]) -> Parcel | None:
        """Take out the first one of which `which` tells so."""
        parcel = next(filter(which, self.parcels), None)
        if parcel is not None:
            self.remove(parcel)
        return parcel

    def remove(self, parcel: Parcel) -> bool:
        """Take out a parcel, if it is here."""
        if parcel not in self.parcels:
            return False
        self.parcels.remove(parcel)
        self.retries -= parcel.retry
        self.kinds[parcel.kind] -= 1
        if not self.kinds[parcel.kind]:
            del self.kinds[parcel.kind]
        return True

    def takeable(self, room: int) -> int:
        """Return how many may be taken while there is room for so many retries."""
        return len(self.parcels) - max(0, self.retries - room)
