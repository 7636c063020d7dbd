"""The daemon's way into the database: one engine that writes, one that reads, and short transactions."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from outbox.errors import UnsupportedDatabaseError
from outbox.store.deadline import SILENCE, Deadline
from outbox.store.dialects import StoreDialect, dialect_of
from outbox.store.url import missing_driver_told, our_scheme, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Connection, Engine, PoolProxiedConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from outbox.store.call import Call

T = TypeVar("T")

_TRIES = 5
_LONGEST = 4.0
_NUMBER = "outbox_number"


class UnmetServerError(Exception):
    """The connection was made since anybody looked what its server knows."""


class Database:
    """One database, by URL. Safe to use from several threads.

    A statement of `write` or `read` that stays without an answer for `silence` seconds ends with
    OperationalError; None waits for ever. On SQLite reading and writing need engines of their own: a writer
    begins with the write lock.
    """

    def __init__(self, url: str, silence: float | None = SILENCE) -> None:
        parsed = make_url(url)
        self.dialect: StoreDialect = dialect_of(parsed.get_backend_name())
        # Hidden: an error of the database must not carry mail into a log.
        options = {**self.dialect.engine_options(silence), "hide_parameters": True}
        with missing_driver_told(parsed):
            self.engine: Engine = create_engine(parsed, **options)
            is_sqlite = parsed.get_backend_name() == "sqlite"
            self._reader = create_engine(parsed, **options) if is_sqlite else self.engine
        if self.engine.dialect.is_async:
            raise UnsupportedDatabaseError(
                f"{parsed.drivername!r} is for asyncio, and the daemon and the commands are not. "
                f"Name the same database as {our_scheme(parsed)}://…"
            )
        self.dialect.prepare(self.engine, silence)
        self._deadline = Deadline(self.dialect, silence)
        self.connects = 0
        """Connections made so far: a new one may lead to another server, which knows less than the last."""
        self.met = inf
        """How many of them there were when somebody looked what the server knows; where nobody looks: all."""
        self._connecting = threading.Lock()
        for engine in {self.engine, self._reader}:
            self._deadline.guard(engine)
            event.listen(engine, "connect", self._count)

    def _count(self, _: object, record: ConnectionPoolEntry) -> None:
        with self._connecting:
            self.connects += 1
            record.info[_NUMBER] = self.connects

    def require_met(self, connection: Connection) -> None:
        """Raise UnmetServerError where a connection was made since the server was looked at."""
        if connection.info[_NUMBER] > self.met:
            raise UnmetServerError

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return without_secrets(self.engine.url)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it; again after a deadlock or a serialisation error.

        Everything that is run here repeats its own precondition, so a second run does no harm.
        """
        began = time.monotonic()
        for attempt in range(1, _TRIES):
            try:
                return self._once(work)
            except DBAPIError as error:
                # A lock that somebody keeps for so long is no collision.
                late = time.monotonic() - began > _LONGEST
                if late or error.connection_invalidated or not self.dialect.is_retryable(error):
                    raise
            # Both losers of a deadlock must not meet again at the same moment.
            time.sleep(random.uniform(0.001, 0.01) * attempt)  # noqa: S311 - jitter, not a secret
        return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self._transaction(self.engine) as (call, connection):
            result = work(connection)
            call.commits()
            return result

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads."""
        with self._transaction(self._reader) as (_, connection):
            return work(connection)

    def write_alone(self, statement: str, parameters: Mapping[str, Any]) -> list[Any] | None:
        """Run one statement, in the driver's words, as a transaction of its own; return its rows.

        Past SQLAlchemy, whose care for a statement costs twice what a small one does. None where it failed:
        nobody knows then whether it was committed, nor why. So it is only for what nobody misses, from one
        who asks by `write` then. Raises OperationalError after too long a silence.
        """
        call = None
        try:
            with (
                self._call(self.engine) as call,
                _whole(self.engine.raw_connection()) as connection,
                call.over(connection.driver_connection, partial(_drop, connection)),
            ):
                cursor = connection.cursor()
                cursor.execute(statement, parameters)
                rows = list(cursor.fetchall())
                connection.commit()
                return rows
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:
            if call is not None and call.interrupted:
                raise OperationalError(None, None, error, connection_invalidated=True) from error
            return None

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[tuple[Call, Connection]]:
        with (
            self._call(engine) as call,
            engine.connect() as connection,
            call.over(connection.connection.driver_connection, connection.invalidate),
            connection.begin(),
        ):
            yield call, connection

    @contextmanager
    def _call(self, engine: Engine) -> Iterator[Call]:
        pool = engine.pool
        try:
            with self._deadline.call() as call:
                yield call
        finally:
            if pool is not engine.pool:  # closed meanwhile: nobody else would close what went back into it
                pool.dispose()

    def check(self) -> None:
        """Raise UnsupportedDatabaseError or SchemaError unless the daemon can work here."""
        from outbox.store.migration import check_schema  # noqa: PLC0415 - Alembic is heavy and needed once

        self.read(self.dialect.check_version)
        self.read(check_schema)

    def close(self) -> None:
        """Close every connection; one that a thread still works on is closed when that is done."""
        self._deadline.close()
        for engine in {self.engine, self._reader}:
            pool = engine.pool
            engine.dispose()
            # What went back between the two steps of that.
            pool.dispose()


@contextmanager
def _whole(connection: PoolProxiedConnection) -> Iterator[PoolProxiedConnection]:
    """Give a connection back to its pool, unless something failed on it."""
    try:
        yield connection
    except BaseException:
        _drop(connection)
        raise
    finally:
        connection.close()


def _drop(connection: PoolProxiedConnection) -> None:
    if connection.is_valid:
        connection.invalidate()
