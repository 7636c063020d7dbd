"""Carry bytes between a relay and us: transport, TLS, and one timer, below any SMTP.

Built for the final dot: what `write` took has either left (`empty`) or dies with `abort`. Nothing here ever
calls the transport's close(), which would still send what waits.
"""

import asyncio
import os
import select
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from outbox.delivery.tls import TlsChannel
from outbox.delivery.trouble import ConnectionEndedError

_READ = 256 * 1024


class Listener(Protocol):
    """Who owns a wire. `lost` comes at most once, and nothing after it."""

    def secured(self) -> None:
        """Learn that the TLS handshake is done."""

    def received(self, data: bytes) -> None:
        """Take plain bytes."""

    def drained(self) -> None:
        """Learn that all that was written has left."""

    def lost(self, error: BaseException) -> None:
        """Learn that the connection ended, or that a deadline passed (TimeoutError)."""

    def broken(self, error: Exception) -> None:
        """Learn that one of the calls above raised, and that the connection was aborted for it."""


class Wire(asyncio.Protocol):
    """One TCP connection, in the clear or inside TLS."""

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._tls: TlsChannel | None = None
        self._fd = -1
        self._poll = select.poll()
        self._deadline = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        self.closed = False
        self.small = 0
        """Bytes that surely fit the socket's buffer while it is empty."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connected transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 asyncio's own promise for TCP
        self._transport = transport
        # 0: pause as soon as one byte waits, so that `drained` means that everything has left.
        transport.set_write_buffer_limits(high=0)
        sock = transport.get_extra_info("socket")
        self._fd = sock.fileno()
        self._poll.register(self._fd, select.POLLIN)
        self.small = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 4

    @property
    def channel(self) -> TlsChannel | None:
        """The TLS session, where there is one."""
        return self._tls

    @property
    def empty(self) -> bool:
        """Whether all that was written has left for the kernel."""
        return self._transport is not None and self._transport.get_write_buffer_size() == 0

    @property
    def unread(self) -> bool:
        """Whether bytes, or the end of the connection, wait unread in the socket, or half a record in TLS."""
        return (self._tls is not None and self._tls.is_partial) or bool(self._poll.poll(0))

    def write(self, data: bytes | memoryview) -> None:
        """Write, encrypted where TLS is on."""
        if self.closed or self._transport is None:
            return
        if self._tls is not None:
            try:
                data = self._tls.encrypt(data)
            except ssl.SSLError as error:
                self._lose(error)
                return
        self._transport.write(data)

    def expect_within(self, seconds: float) -> None:
        """Set the deadline of whatever comes next; infinite while nothing is awaited.

        One timer serves all deadlines: it is moved only when one comes nearer, and looks again when it fires.
        """
        self._deadline = when = self._loop.time() + seconds
        if seconds == float("inf") or self.closed:
            return
        if self._timer is None or when < self._timer.when():
            self._set_timer(when)

    @property
    def securing(self) -> bool:
        """Whether the TLS handshake is under way."""
        return self._tls is not None and not self._tls.established

    def start_tls(self, context: ssl.SSLContext, hostname: str) -> None:
        """Begin the TLS handshake; a fault of it comes as `lost`."""
        try:
            self._tls = TlsChannel(context, hostname)
            self._shake_hands(self._tls)
        except (ssl.SSLError, ValueError) as error:  # ValueError: a name that no certificate can have
            self._lose(error)

    def abort(self) -> None:
        """End at once; what has not left is never sent. The listener hears nothing more."""
        self.closed = True
        self._deadline = float("inf")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport."""
        if self._tls is None:
            self._deliver(data)
            return
        try:
            self._take(self._tls, data)
        except ssl.SSLError as error:
            self._lose(error)

    def eof_received(self) -> None:
        """Take the end of the relay's bytes; a half-closed session is of no use to SMTP."""
        self._lose(ConnectionEndedError())

    def resume_writing(self) -> None:
        """Learn that everything has left."""
        if not self.closed:
            self._tell(self._listener.drained)

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn that the connection is gone; read the words that the relay may have left behind."""
        if self.closed:
            return
        self._transport = None
        # A failed write ends a transport at once, while "552 too big" may lie unread in the socket.
        while not self.closed and (data := self._left_behind()):
            self.data_received(data)
        self._lose(exc or ConnectionEndedError())

    def _left_behind(self) -> bytes:
        try:
            return os.read(self._fd, _READ)
        except OSError:
            return b""

    def _deliver(self, data: bytes) -> None:
        if not self.closed:
            self._tell(self._listener.received, data)

    def _take(self, tls: TlsChannel, data: bytes) -> None:
        tls.feed(data)
        if not tls.established:
            self._shake_hands(tls)
        if tls.established and not self.closed:
            self._deliver(tls.decrypt())
            if tls.ended or tls.broken is not None:
                self._lose(tls.broken or ConnectionEndedError())

    def _shake_hands(self, tls: TlsChannel) -> None:
        try:
            done = tls.handshake()
        finally:
            # Also after a fault: the alert tells the relay's operator what we did not like.
            if self._transport is not None:
                self._transport.write(tls.take())
        if done:
            self._tell(self._listener.secured)

    def _lose(self, error: BaseException) -> None:
        if not self.closed:
            self.abort()
            self._tell(self._listener.lost, error)

    def _tell(self, tell: Callable[..., None], *told: object) -> None:
        try:
            tell(*told)
        except Exception as error:  # noqa: BLE001 asyncio would only log it, and nobody would wake the owner
            self.abort()
            self._listener.broken(error)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._deadline <= self._loop.time():
            self._lose(TimeoutError())
        elif self._deadline != float("inf"):
            self._set_timer(self._deadline)
