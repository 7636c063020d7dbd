"""A history whose ids tell the time, as those of `enqueue` do: `outbox list` finds mail by that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column

from bench.fill import Filler

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine

_DAYS_MS = 90 * 86_400_000

# The milliseconds of mail n, then what a UUID of version 7 has (RFC 9562), with n in place of chance.
_IDS = {
    "postgresql": "CAST(lpad(to_hex(CAST({ms} AS bigint)), 12, '0') || '70008' || lpad(to_hex(n), 15, '0') "
    "AS uuid)",
    "mariadb": "lower(concat(lpad(hex(CAST({ms} AS SIGNED)), 12, '0'), '70008', lpad(hex(n), 15, '0')))",
    "sqlite": "printf('%012x70008%015x', CAST({ms} AS INTEGER), n)",
}


class DatedFiller(Filler):
    """Fills the outbox of one engine; so many `finished` mails came within 90 days, the rest now."""

    def __init__(self, engine: Engine, kind: str, finished: int) -> None:
        super().__init__(engine, kind)
        now = int(time.time() * 1000)
        begun = now - _DAYS_MS
        past, later = f"{begun} + n * {_DAYS_MS / finished}", f"{now} + n - {finished}"
        self._id = _IDS[kind].format(ms=f"(CASE WHEN n < {finished} THEN {past} ELSE {later} END)")

    @property
    def id(self) -> ColumnElement[Any]:
        """The id of the message of mail N."""
        return literal_column(self._id)
