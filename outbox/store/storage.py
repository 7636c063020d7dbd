"""How the tables are kept and their rows are found: indexes, engines, collations.

Whoever makes the tables or compares them takes `metadata` from here, where it is whole; a test proves that it
agrees with the newest migration on each database. All others do without: an option of one database has
SQLAlchemy load all that it knows of that one, and a command would wait for it.
"""

from typing import Any

from sqlalchemy import Dialect, Index, text

from outbox.store.schema import attempt, delivery, metadata

__all__ = ["metadata"]

# InnoDB for its transactions; the binary collation so that no text folds case.
_MYSQL = {
    f"{dialect}_{option}": value
    # SQLAlchemy reads only the names of the dialect that the URL has.
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
for _table in metadata.tables.values():
    _table.dialect_kwargs.update(_MYSQL)
for _table in (delivery, attempt):
    # A purge must not let SQLite hand out an old id again.
    _table.dialect_kwargs["sqlite_autoincrement"] = True


# What one person got, and how much of it lately; and what ended, how and when.
Index("outbox_delivery_recipient", delivery.c.recipient, delivery.c.finished_at)


def _has_partial(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return dialect.name in {"postgresql", "sqlite"}


def _lacks_partial(*_: Any, dialect: Dialect, **__: Any) -> bool:
    return not _has_partial(dialect=dialect)


# Every claim reads "due" and every rescue "held", so these hold unfinished rows only.
# MariaDB has no partial index: the status leads instead.
_PENDING = text("status = 'pending'")
_SENDING = text("status = 'sending'")
for _name, _columns, _where in (
    ("due", ("stream", "lane", "due_at"), _PENDING),
    ("held", ("session",), _SENDING),
    ("expires", ("expires_at",), text("status = 'pending' AND expires_at IS NOT NULL")),
    # What waits for a person is counted by a view, which must not read the history for it.
    ("parked", ("stream",), text("status IN ('held', 'in_doubt')")),
):
    Index(
        f"outbox_delivery_{_name}",
        *(delivery.c[name] for name in _columns),
        postgresql_where=_where,
        sqlite_where=_where,
    ).ddl_if(callable_=_has_partial)
    Index(
        f"outbox_delivery_{_name}_by_status", delivery.c.status, *(delivery.c[name] for name in _columns)
    ).ddl_if(callable_=_lacks_partial)
_FINISHED = text("finished_at IS NOT NULL")
Index(
    "outbox_delivery_finished",
    delivery.c.status,
    delivery.c.finished_at,
    postgresql_where=_FINISHED,
    sqlite_where=_FINISHED,
)
