"""The deadline on every call of a database, kept by a thread that looks at those under way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError

from outbox.store.call import LOOKS, Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from outbox.store.dialects import StoreDialect

SILENCE = 10.0
"""Seconds without a byte after which the daemon gives a statement or a COMMIT up."""


class Deadline:
    """The deadline on all calls of one database: after `seconds` of silence they end; None is never.

    The time is counted in looks of the watcher and not by a clock: in a process that was paused nobody could
    have heard an answer.
    """

    def __init__(self, dialect: StoreDialect, seconds: float | None) -> None:
        self._dialect = dialect
        self._seconds = seconds
        self._calls: dict[int, Call] = {}
        self._own = threading.local()
        self._starting = threading.Lock()
        self._halt: threading.Event | None = None

    def guard(self, engine: Engine) -> None:
        """Hear of each statement of this engine, also of those that SQLAlchemy says on a new connection."""
        event.listen(engine, "connect", self._on_connect, insert=True)
        event.listen(engine, "before_cursor_execute", self._on_execute)

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Watch over what the body says to the database on this thread.

        Raises OperationalError in place of what an interrupted call has raised.
        """
        call = Call(self._dialect)
        if self._seconds is not None:
            self._watch(self._seconds / LOOKS)
            self._calls[id(call)] = self._own.call = call
        try:
            yield call
        except DBAPIError as error:
            if not call.interrupted:
                raise
            silence = TimeoutError(f"no answer within {self._seconds:g} s")
            raise OperationalError(None, None, silence, connection_invalidated=True) from error
        finally:
            call.ends()
            self._own.call = None
            self._calls.pop(id(call), None)

    def close(self) -> None:
        """End the watcher; a later call starts another."""
        with self._starting:
            if self._halt is not None:
                self._halt.set()
                self._halt = None

    def _on_connect(self, driver: Any, _record: object) -> None:
        if (call := getattr(self._own, "call", None)) is not None:
            call.begins(driver)

    def _on_execute(self, *_: object) -> None:
        if (call := getattr(self._own, "call", None)) is not None:
            call.asks()

    def _watch(self, pause: float) -> None:
        """Start the watcher where there is none."""
        with self._starting:
            if self._halt is None:
                self._halt = threading.Event()
                looking = threading.Thread(
                    target=self._look, args=(self._halt, pause), name="outbox-deadline"
                )
                looking.daemon = True
                looking.start()

    def _look(self, halt: threading.Event, pause: float) -> None:
        while not halt.wait(pause):
            for call in list(self._calls.values()):
                call.look()
