"""The application's own transaction: what carries it, and what its errors mean to the application."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, scoped_session

from outbox.errors import UnusableConnectionError
from outbox.store.dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Not imported for the application that has no use for it: it wants greenlet.
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session

AsyncTarget: TypeAlias = "AsyncSession | async_scoped_session[AsyncSession] | AsyncConnection"

Target = Session | scoped_session[Any] | Connection
"""What carries the application's transaction."""

ENDED_ELSEWHERE = "outbox_ended_elsewhere"
"""The execution option of a connection whose transaction is not SQLAlchemy's to end, but its lender's."""

T = TypeVar("T")


async def run_sync(transaction: AsyncTarget, work: Callable[[Any], T]) -> T:
    """Return what `work` returns for the synchronous side of an asynchronous session or connection.

    Raises UnusableConnectionError for anything else.
    """
    if not hasattr(transaction, "run_sync") and hasattr(transaction, "registry"):
        transaction = transaction()  # the session of this task
    if not hasattr(transaction, "run_sync"):
        raise UnusableConnectionError(_asynchronous_remedy(transaction))
    return await transaction.run_sync(work)


def usable_connection(transaction: Target) -> Connection:
    """Return the connection that carries the caller's transaction, or raise UnusableConnectionError.

    Where it begins the transaction, it raises DatabaseLockedError if SQLite does not let it.
    """
    if isinstance(transaction, Session | scoped_session):
        with explained(transaction.get_bind()):
            transaction = transaction.connection()
    if not isinstance(transaction, Connection):
        raise UnusableConnectionError(_remedy(transaction))
    if transaction.closed:
        raise UnusableConnectionError(
            "The connection is closed: give it to the outbox before its `with` block ends, and commit after."
        )
    if not transaction.in_transaction():
        # As the first statement would: only then does SQLite's BEGIN IMMEDIATE differ from autocommit.
        with explained(transaction):
            transaction.begin()
    if _autocommits(transaction):
        raise UnusableConnectionError(
            "The connection is in autocommit mode: what the outbox writes would stay even if you roll back. "
            "Use a connection or session without isolation_level='AUTOCOMMIT'."
        )
    return transaction


@contextmanager
def explained(bind: Engine | Connection) -> Iterator[None]:
    """Raise what an application can act on in place of the driver's error, where we know what to do."""
    try:
        yield
    except DBAPIError as error:
        better = dialect_of(bind.dialect.name).explain(error)
        if better is None:
            raise
        raise better from error


def _autocommits(connection: Connection) -> bool:
    driver = connection.connection.dbapi_connection
    if driver is None or not connection.dialect.detect_autocommit_setting(driver):
        return False
    # Where our own recipe says BEGIN it looks like autocommit to SQLAlchemy, but is inside a transaction.
    return not dialect_of(connection.dialect.name).has_begun(connection.connection.driver_connection)


def _asynchronous_remedy(transaction: object) -> str:
    name = type(transaction).__name__
    if isinstance(transaction, Session | Connection):
        return f"{name} is not asynchronous. Call outbox.enqueue(…), without await."
    return (
        f"{name} carries no asynchronous transaction. Give an AsyncSession, or the connection of: "
        "async with engine.begin() as connection: …"
    )


def _remedy(transaction: object) -> str:
    name = type(transaction).__name__
    if isinstance(transaction, Engine):
        return "An Engine has no transaction. Give the connection of: with engine.begin() as connection: …"
    if hasattr(transaction, "run_sync"):
        return (
            f"{name} is asynchronous. Enqueue by await outbox.enqueue_async(…); make other calls in a "
            "function, and give the session or connection that await ….run_sync(function) calls it with."
        )
    return f"{name} carries no transaction. Give a SQLAlchemy Session or Connection."
