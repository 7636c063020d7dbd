"""Lend Django's own connection to SQLAlchemy, which our statements speak, inside Django's own transaction.

SQLAlchemy never begins, commits, rolls back or closes anything here: Django alone does.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from outbox.errors import DatabaseLockedError, OutboxError, SchemaError, UnsupportedDatabaseError
from outbox.integrations.django.routing import database
from outbox.store.transaction import ENDED_ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRIVERS = {
    ("sqlite", "sqlite3"): "sqlite",
    ("postgresql", "psycopg"): "postgresql+psycopg",
    ("mysql", "MySQLdb"): "mysql+mysqldb",
    # It may call itself MySQLdb, by its install_as_MySQLdb().
    ("mysql", "pymysql"): "mysql+pymysql",
}
"""SQLAlchemy's name for what Django calls vendor, and the package of the driver."""


@contextmanager
def outbox_connection(using: str | None = None) -> Iterator[Connection]:
    """Give a SQLAlchemy connection that is Django's own, for `outbox.enqueue` and all that takes one.

    Inside `atomic`, or without autocommit, it joins that transaction, else it is a short one of its own, and
    Django alone ends it. The database is `using`, or the one that the routers name for our models. An error
    of the database is Django's (django.db.Error), and marks the `atomic` block for rollback; an error of ours
    that has asked nothing of the database does not.
    """
    alias = using or database()
    wrapper = connections[alias]
    # Who has switched autocommit off ends the transaction alone; and there `atomic` is a savepoint, which
    # SQLite commits when it is released before anything else was written.
    is_open = wrapper.in_atomic_block or not wrapper.get_autocommit()
    own = nullcontext() if is_open else transaction.atomic(using=alias)
    with own, _told_to_django(alias), lent(alias) as connection:
        yield connection


@contextmanager
def lent(alias: str) -> Iterator[Connection]:
    """Give Django's connection as it is, perhaps in no transaction: for reading, and for migrations."""
    wrapper = connections[alias]
    # What each cursor of Django's does first: it connects, refuses the connection of another thread, and a
    # database that a test may not touch.
    wrapper.cursor().close()
    wrapper.validate_no_broken_transaction()
    with _engine(alias, wrapper.vendor).connect() as connection:
        yield connection


@contextmanager
def _told_to_django(alias: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        with transaction.mark_for_rollback_on_error(alias), connections[alias].wrap_database_errors:
            raise (error.orig or error) from error
    except OutboxError as error:
        if not isinstance(error.__cause__, DBAPIError):
            raise
        with transaction.mark_for_rollback_on_error(alias):
            raise _in_djangos_words(error, alias) from error


def _in_djangos_words(error: OutboxError, alias: str) -> OutboxError:
    if isinstance(error, SchemaError):
        return SchemaError(
            f"The database {alias!r} has no outbox tables. Put 'outbox.integrations.django' into "
            f"INSTALLED_APPS, and run: manage.py migrate --database {alias}"
        )
    if isinstance(error, DatabaseLockedError):
        return DatabaseLockedError(
            "SQLite is locked: another transaction wrote after this one had begun to read, or held the lock "
            f'too long. Set DATABASES[{alias!r}]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE", '
            '"timeout": 10}}, then run this transaction again from its start.'
        )
    return error


class _Lent:
    """The driver's connection without what ends it."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def cursor(self) -> Any:
        """Return a cursor that reads each type as our statements expect."""
        return self._driver.cursor()

    def commit(self) -> None:
        """Do nothing: Django commits."""

    def rollback(self) -> None:
        """Do nothing: Django rolls back."""

    def close(self) -> None:
        """Do nothing: Django closes."""


class _LentByPsycopg(_Lent):
    def cursor(self) -> Any:
        """Return psycopg's own cursor: Django's may read instants without their zone, and JSON as text."""
        from psycopg import Cursor  # noqa: PLC0415 - who comes here has it
        from psycopg.types.datetime import TimestamptzLoader  # noqa: PLC0415 - as above
        from psycopg.types.json import JsonbLoader  # noqa: PLC0415 - as above

        cursor: Cursor[Any] = Cursor(self._driver)
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.adapters.register_loader("jsonb", JsonbLoader)
        return cursor


@cache
def _engine(alias: str, vendor: str) -> Engine:
    """Return the engine that knows this database, made on first use; it holds no connection.

    Not by create_engine(): that would prepare each connection for SQLAlchemy, and take away what Django has
    prepared, such as its REGEXP on SQLite.
    """
    package = type(connections[alias].connection).__module__.partition(".")[0]
    url = make_url(f"{_driver(alias, vendor, package)}://")
    kind: Any = url.get_dialect()
    options: dict[str, Any] = {"use_native_hstore": False} if vendor == "postgresql" else {}
    dialect = kind(dbapi=kind.import_dbapi(), **options)
    wrap = _LentByPsycopg if vendor == "postgresql" else _Lent
    pool = NullPool(lambda: wrap(connections[alias].connection), reset_on_return=None, dialect=dialect)
    engine = Engine(pool, dialect, url, hide_parameters=True, execution_options={ENDED_ELSEWHERE: True})
    with engine.connect() as connection:
        dialect.initialize(connection)
    return engine


def _driver(alias: str, vendor: str, package: str) -> str:
    try:
        return _DRIVERS[vendor, package]
    except KeyError:
        known = ", ".join(f"{package} for {vendor}" for vendor, package in _DRIVERS)
        raise UnsupportedDatabaseError(
            f"The outbox does not write by {package!r} to {vendor!r}, as DATABASES[{alias!r}] has it. "
            f"Use one of: {known}."
        ) from None
