"""A logging handler that enqueues error mails, in place of logging.handlers.SMTPHandler.

The call that logs only decides and formats; a thread inserts, in short transactions of its own. So an error
whose transaction rolls back is mailed all the same, a slow database keeps nobody waiting, and on SQLite the
application's own open transaction, which has the write lock, is not waited for by itself.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from outbox.errors import InvalidValueError
from outbox.intake import Outbox
from outbox.integrations.engines import engine_of
from outbox.integrations.logging.courier import Courier, start_thread
from outbox.integrations.logging.digest import Kind, Tally, Window, total, written
from outbox.mail.email import Email
from outbox.mail.standard_headers import AutoSubmitted
from outbox.mail.stream import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Engine

    from outbox.mail.email import Addresses

_RETRY = 30.0
"""Seconds after which what the database did not take is tried again."""

_MOST_WAITING = 100
"""Mails that are kept while the database takes none; what comes then is counted for the digest."""

_MOST_TEXT = 200_000
_MOST_SUBJECT = 200


class OutboxHandler(logging.Handler):
    """Enqueues a mail for each record, and one digest for those that would be too many.

    `engine` is an Engine or a database URL; `fromaddr`, `toaddrs` and `subject` are those of SMTPHandler.
    In a window of `window` seconds, which the first record begins, `alike` records of a kind get a mail each,
    and no more than `most` mails go out, the last of which says what else there was: how often, from when to
    when, with one sample a kind. Records of the outbox itself are never mailed. `flush` and `close` wait for
    the database for `timeout` seconds, and not for one that has refused. Raises InvalidValueError for a
    limit that is none, InvalidEmailError for an address that is none, UnusableConnectionError for a URL that
    is none.
    """

    def __init__(
        self,
        engine: Engine | URL | str,
        fromaddr: str,
        toaddrs: Addresses,
        subject: str,
        *,
        alike: int = 1,
        window: float = 300.0,
        most: int = 10,
        stream: str = DEFAULT,
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] = start_thread,
    ) -> None:
        for name, value, least in (("alike", alike, 0), ("most", most, 1), ("window", window, 1)):
            if value < least:
                raise InvalidValueError(name, value, f"is below {least}", f"Give {least} or more.")
        self.fromaddr = fromaddr
        self.toaddrs = toaddrs
        self.subject = subject
        self.timeout = timeout
        self._stream = stream
        self._email(subject, "")  # what is wrong with an address is known now
        self._engine = engine_of(engine)
        # Not before: whatever has begun to be a handler is flushed by logging when the process ends.
        super().__init__()
        self._outbox = Outbox()
        self._clock = clock
        self._start = start
        self._new_window = partial(Window, alike=alike, most=most, seconds=window)
        self._sending = threading.local()
        self._begin()

    def getSubject(self, record: logging.LogRecord) -> str:  # noqa: N802, ARG002 - SMTPHandler's name, to override
        """Return the subject of a record's own mail."""
        return self.subject

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record mailed or counted; never raise, but hand what goes wrong to `handleError`."""
        is_ours = record.name == "outbox" or record.name.startswith("outbox.")
        # What a database driver logs while it stores our mail must not become mail.
        if is_ours or getattr(self._sending, "here", False):
            return
        try:
            with self._guard:
                self._begin_in_child()
                self._take(record)
        except Exception:  # noqa: BLE001 - logging never raises into the application
            self.handleError(record)

    def flush(self) -> None:
        """Have all that waits inserted; also what is counted, if the window has a mail to spare for it."""
        self._hand_over(always=False)

    def close(self) -> None:
        """Have all that waits inserted, and what is counted in any case."""
        self._hand_over(always=True)
        super().close()

    def turn(self) -> float | None:
        """Insert what is due; return the seconds until there is more to do, None for nothing."""
        with self._guard:
            self._turns += 1
            this = self._turns
            if len(self._waiting) < _MOST_WAITING:
                self._queue(self._window.digest(self._clock()))
            batch = list(self._waiting)
        is_stored = not batch or self._store(batch)
        with self._guard:
            if is_stored:
                for _ in batch:
                    self._waiting.popleft()
            elif self._waiting:
                self._failed = this
                return _RETRY
            ends = self._window.ends
            return None if ends is None else max(ends - self._clock(), 0.0)

    def _begin_in_child(self) -> None:
        """Begin with nothing in a forked process: what waited is its parent's to send."""
        if self._pid != os.getpid():
            self._engine.dispose(close=False)
            self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[Email] = deque()
        self._window = self._new_window()
        self._is_away = False
        self._turns = 0
        """The number of the last turn."""
        self._failed = 0
        """The last turn whose mail the database did not take."""
        self._given_up = 0
        """The last turn that a hand-over has waited for in vain."""
        assert self.lock is not None  # noqa: S101 - made by logging.Handler, and anew in a child
        self._guard: threading.RLock = self.lock
        self._courier = Courier(self._guard, self.turn, self._start)

    def _take(self, record: logging.LogRecord) -> None:
        kind = Kind.of(record)
        room = len(self._waiting) < _MOST_WAITING
        if self._window.admits(kind, self._clock(), room=room):
            self._waiting.append(self._email(self.getSubject(record), self.format(record)))
            self._courier.wake()
            return
        is_first = self._window.ends is None
        self._window.count(kind, record.created, lambda: self.format(record))
        if is_first:  # only then is there a new end to wait for
            self._courier.wake()

    def _hand_over(self, *, always: bool) -> None:
        try:
            with self._guard:
                self._begin_in_child()
                self._queue(self._window.early_digest(always=always))
                if self._waiting:
                    self._insert_waiting(closes=always)
        except Exception:  # noqa: BLE001 - as in `emit`
            self.handleError(_record("log mails still wait for the database"))

    def _insert_waiting(self, *, closes: bool) -> None:
        """Have another turn taken, and wait for its end; raise TimeoutError where mail waits on."""
        before = self._turns
        self._courier.wake()
        # At the end of a process logging calls `flush` and then `close`: a database that is silent for the
        # first keeps the same turn, which is not waited for twice.
        is_silent = closes and 0 < before == self._given_up
        try:
            self._courier.wait_until(
                lambda: not self._waiting or self._failed > before, 0 if is_silent else self.timeout
            )
        except TimeoutError:
            self._given_up = self._turns
            raise
        if self._waiting:
            raise TimeoutError("the database has just refused them")

    def _queue(self, tallies: list[Tally]) -> None:
        if tallies:
            self._waiting.append(self._email(f"{self.subject} ({total(tallies)} more)", written(tallies)))

    def _store(self, batch: list[Email]) -> bool:
        self._sending.here = True
        try:
            with self._engine.begin() as connection:
                self._outbox.enqueue_many(connection, batch)
        except Exception:  # noqa: BLE001 - whatever it is, the mails are kept
            if not self._is_away:  # once an outage
                self.handleError(_record("log mails could not be enqueued, and are tried again"))
            self._is_away = True
        else:
            self._is_away = False
        finally:
            self._sending.here = False
        return not self._is_away

    def _email(self, subject: str, text: str) -> Email:
        line = "".join(letter if letter.isprintable() else " " for letter in subject)
        return Email(
            sender=self.fromaddr,
            to=self.toaddrs,
            subject=line[:_MOST_SUBJECT],
            text=text[:_MOST_TEXT].encode(errors="backslashreplace").decode(),
            auto_submitted=AutoSubmitted.GENERATED,
            stream=self._stream,
            # Where a COMMIT got no answer, it is tried again, and must not be two mails.
            key=f"log-{uuid4().hex}",
        )


def _record(message: str) -> logging.LogRecord:
    return logging.makeLogRecord({"name": __name__, "msg": message, "levelno": logging.ERROR})
