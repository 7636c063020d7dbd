"""The column types of SQLite, which keeps whatever is written into a column."""

from datetime import datetime
from typing import Any

from sqlalchemy import CHAR, JSON, Dialect, LargeBinary, String
from sqlalchemy.dialects import sqlite

from outbox.store.dialects.columns import Columns

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as SQLite holds it


class _Instant(sqlite.DATETIME):
    """What is no instant is read as the start of 1970."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return what reads a value."""
        read: Any = super().result_processor(dialect, coltype)

        def read_leniently(value: Any) -> Any:
            if isinstance(value, datetime):
                # The application's connection reads it already, by `detect_types`, as Django's does.
                return value
            try:
                return read(value)
            except (TypeError, ValueError):
                # Written by hand: one such row must not keep a daemon from all the others.
                return _EPOCH

        return read_leniently


COLUMNS = Columns(
    guid=CHAR(32),
    instant=_Instant(),  # type: ignore[no-untyped-call] # SQLAlchemy gives it none
    json=JSON(none_as_null=True),
    mime=LargeBinary(),
    exact=String,
    word=lambda length, _: String(length),
)
