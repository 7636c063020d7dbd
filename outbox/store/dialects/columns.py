"""What the column types of the outbox are on each database, one file a database; `columns_of` chooses.

SQLAlchemy's files of a database take longer to import than most of ours: a process loads those of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

_FILES = {"postgresql": "postgresql_columns", "mysql": "mysql_columns", "mariadb": "mysql_columns"}


class Columns(NamedTuple):
    """The types of one database, as `outbox.store.types` explains them; two take the length of a text."""

    guid: TypeEngine[Any]
    instant: TypeEngine[Any]
    json: TypeEngine[Any]
    mime: TypeEngine[Any]
    exact: Callable[[int], TypeEngine[Any]]
    word: Callable[[int, Dialect], TypeEngine[Any]]


def columns_of(dialect: Dialect) -> Columns:
    """Return the types of a database; where nobody knows it better, those of SQLite."""
    file = _FILES.get(dialect.name, "sqlite_columns")
    found: Columns = import_module(f"outbox.store.dialects.{file}").COLUMNS
    return found
