"""The engine of an integration that opens transactions of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from outbox.errors import UnusableConnectionError
from outbox.store.dialects.sqlite import prepare_sqlite
from outbox.store.url import missing_driver_told, with_driver


def engine_of(given: Engine | URL | str) -> Engine:
    """Return the engine that was given, or a new one for a database URL; see `new_engine`."""
    if isinstance(given, Engine):
        return given
    # Without a pool: such mails are rare, and a forked child must not share a connection.
    return new_engine(given, poolclass=NullPool)


def new_engine(given: URL | str, **options: Any) -> Engine:
    """Return an engine for a database URL, as `outbox run` understands it.

    Raises UnusableConnectionError for what is none, UnsupportedDatabaseError without its driver.
    """
    try:
        url = make_url(with_driver(given) if isinstance(given, str) else given)
    except (ArgumentError, ValueError):
        # Neither the URL nor the error is shown: both may hold its password.
        raise UnusableConnectionError(
            "This is no URL of a database, and is not shown, as it may hold a password. Give an Engine, or a "
            "URL such as postgresql://user@host/name; the mail server is for the daemon's settings."
        ) from None
    # Hidden: an error of the database must not carry mail into a log.
    with missing_driver_told(url):
        engine = create_engine(url, hide_parameters=True, **options)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine)
    return engine
