"""The engine of an integration that opens transactions of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, NullPool, create_engine

from outbox.store.dialects.sqlite import prepare_sqlite

if TYPE_CHECKING:
    from sqlalchemy import URL


def engine_of(given: Engine | URL | str) -> Engine:
    """Return the engine that was given, or a new one for a database URL."""
    if isinstance(given, Engine):
        return given
    # Without a pool: such mails are rare, and a forked child must not share a connection.
    engine = create_engine(given, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    return engine
