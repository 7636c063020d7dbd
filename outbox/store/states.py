"""The status of a delivery as a condition, in words by which each database finds its index, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import literal_column

from outbox.mail.status import Status
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_d = delivery.c

# Literals, not parameters: the planner matches a partial index only to a constant it can see.
IS_PENDING = _d.status == literal_column(f"'{Status.PENDING}'")
IS_SENDING = _d.status == literal_column(f"'{Status.SENDING}'")


def is_still(status: Status) -> ColumnElement[bool]:
    """Return the condition that a delivery is in `status`, for one that is looked up by its id.

    The bare column would offer the indexes of all that is in this status. With old statistics PostgreSQL
    would walk over all of that for one row, and over all that was there since the last vacuum. MariaDB would
    lock what it walks over, in an order that deadlocks, and in an application's isolation the gaps as well.
    """
    return _d.status.concat(literal_column("''")) == literal_column(f"'{status}'")
