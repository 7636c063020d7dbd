"""Parcels in their order, of which some are retries."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.parcel import Kind, Parcel


class Row:
    """Parcels in their order, and how many of each kind there are, of the fresh ones and of the retries."""

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.fresh: Counter[Kind] = Counter()
        self.retried: Counter[Kind] = Counter()

    @property
    def retries(self) -> int:
        """How many of them are retries."""
        return self.retried.total()

    def put(self, parcel: Parcel, *, first: bool = False) -> None:
        """Add a parcel behind the others, or before them."""
        self._kinds(parcel)[parcel.kind] += 1
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
        kinds = self._kinds(parcel)
        kinds[parcel.kind] -= 1
        if not kinds[parcel.kind]:
            del kinds[parcel.kind]
        return True

    def takeable(self, room: int) -> int:
        """Return how many may be taken while there is room for so many retries."""
        return len(self.parcels) - max(0, self.retries - room)

    def _kinds(self, parcel: Parcel) -> Counter[Kind]:
        return self.retried if parcel.retry else self.fresh
