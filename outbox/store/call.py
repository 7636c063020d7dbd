"""A transaction under way, and how it is ended from outside when the database does not answer.

No driver has a deadline for a frozen server, half a connection and a lock for ever, and a thread that waits
in one cannot end itself. So another looks at it. After too long a silence it asks the server to give up, and
then shuts the socket down: the call raises what a lost connection raises, and is tried again like one.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outbox.store.dialects import StoreDialect

LOOKS = 20
"""Looks in which nothing moved, after which a call is interrupted."""

GRACE = 2
"""Looks more in which the server may give up by itself."""

# Where Linux tells how many bytes of a connection were acknowledged, and how many came (linux/tcp.h).
_CARRIED = struct.Struct("=120xQQ")


class Call:
    """One transaction under way, from the wait for its connection to the return of it."""

    def __init__(self, dialect: StoreDialect) -> None:
        self.interrupted = False
        self._dialect = dialect
        self._driver: Any = None
        self._silent = 0
        self._carried: object = None
        self._commits = False
        self._ended = False
        # Whoever gets this connection next must not be interrupted for us.
        self._lock = threading.Lock()

    @contextmanager
    def over(self, driver: Any, invalidate: Callable[[], object]) -> Iterator[None]:
        """Work over the driver's connection, which `invalidate` ends where the call is interrupted."""
        self.begins(driver)
        try:
            yield
        finally:
            self.ends()
            if self.interrupted:
                # A cancellation that comes late would meet the next statement on it.
                invalidate()

    def begins(self, driver: Any) -> None:
        """Take the driver's connection, on which something will be said now."""
        self._driver = driver
        self.asks()

    def asks(self) -> None:
        """Note that a statement goes out, which says that the one before was answered."""
        if not self.interrupted:
            self._silent = 0

    def commits(self) -> None:
        """Note that the COMMIT goes out, or raise OperationalError: the server may have been asked to stop.

        Nobody may ask that of a COMMIT: PostgreSQL would only cease to wait for its standby, and call
        committed what a failover may still undo.
        """
        with self._lock:
            if self.interrupted:
                raise OperationalError(None, None, TimeoutError("too late to commit"))
            self._silent = 0
            self._commits = True

    def ends(self) -> None:
        """Note that nothing is under way any more."""
        with self._lock:
            self._ended = True

    def look(self) -> None:
        """Count a look in which nothing moved, and interrupt the call where they are too many."""
        with self._lock:
            if self._ended or self._driver is None or self._moves():
                return
            self._silent += 1
            if self._silent < LOOKS:
                return
            self.interrupted = True
            if self._silent >= LOOKS + (0 if self._commits else GRACE):
                self._on_socket(_sever)
            elif self._silent == LOOKS:
                # On a thread of its own: the request to cancel may find no answer, too.
                with suppress(RuntimeError):  # no more threads: then only the socket ends it
                    threading.Thread(target=self._cancel, name="outbox-cancel", daemon=True).start()

    def _moves(self) -> bool:
        """Tell whether bytes have crossed since the last look: much mail over a thin line takes its time."""
        carried = self._on_socket(_carried)
        moves = carried != self._carried and not self.interrupted
        self._carried = carried
        if moves:
            self._silent = 0
        return moves

    def _cancel(self) -> None:
        # Whatever goes wrong here: the socket is shut next.
        with suppress(Exception):
            self._dialect.cancel(self._driver)

    def _on_socket(self, work: Callable[[socket.socket], Any]) -> Any:
        """Return what `work` gives for the call's socket; None where there is none, or none any more."""
        with suppress(Exception):
            number = self._dialect.descriptor(self._driver)
            if number is not None:
                with socket.socket(fileno=os.dup(number)) as twin:
                    # Closed by the driver meanwhile, the number could be that of another's connection.
                    if self._dialect.descriptor(self._driver) == number:
                        return work(twin)
        return None


def _carried(connection: socket.socket) -> tuple[int, ...]:
    return _CARRIED.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _CARRIED.size))


def _sever(connection: socket.socket) -> None:
    # What has not left yet must not leave later: a COMMIT, say, for which nobody waits any more.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
