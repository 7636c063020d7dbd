"""How many rows a statement takes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")

BATCH = 500
"""Deliveries that a duty changes in one transaction, at most."""

FEW = 100
"""Keys in one read, at most, that must find their rows by an index.

From 200 on MariaDB does not look into the index before it chooses, and with old statistics reads the table.
"""


def batches(ids: Sequence[T], most: int = BATCH) -> Iterator[Sequence[T]]:
    """Yield these ids in their order, at most so many at a time."""
    for start in range(0, len(ids), most):
        yield ids[start : start + most]
