"""The wire below SMTP: what has left, what waits unread, and when time is up."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path

from outbox.delivery.relay import TlsMode
from outbox.delivery.tls import client_context
from outbox.delivery.trouble import ConnectionEndedError
from outbox.delivery.wire import Wire
from tests.support.sending import relay_at
from tests.support.tls import Authority


class Recorder:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.heard_something = asyncio.Event()
        self.ended = asyncio.Event()

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        self.heard_something.set()

    def secured(self) -> None:
        self._hear("secured")

    def received(self, data: bytes) -> None:
        self._hear(data)

    def drained(self) -> None:
        self._hear("drained")

    def lost(self, error: BaseException) -> None:
        self._hear(type(error))
        self.ended.set()

    def broken(self, error: Exception) -> None:
        self.lost(error)


def with_wire(act: Callable[[Wire, Recorder, socket.socket], Awaitable[None]]) -> None:
    """Run `act` with a wire, its listener and the relay's end of the connection."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        recorder = Recorder()
        wire = Wire(loop, recorder)
        with theirs:
            await loop.create_connection(lambda: wire, sock=ours)
            await act(wire, recorder, theirs)
            wire.abort()
            await asyncio.sleep(0)  # lets the transport close its socket

    asyncio.run(run())


def test_words_that_lie_unread_when_a_write_fails_are_heard_first() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        theirs.sendall(b"552 too big\r\n")
        assert wire.unread
        wire.connection_lost(BrokenPipeError())
        assert [b"552 too big\r\n", BrokenPipeError] == recorder.heard

    with_wire(act)


def test_the_end_of_the_connection_is_told_once() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        theirs.close()
        assert wire.unread
        await recorder.ended.wait()
        await asyncio.sleep(0)
        assert [ConnectionEndedError] == recorder.heard
        assert wire.closed

    with_wire(act)


def test_nothing_is_told_after_an_abort() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        wire.expect_within(0)
        theirs.sendall(b"220 hi\r\n")
        wire.abort()
        wire.write(b"never")
        await asyncio.sleep(0)
        assert recorder.heard == []

    with_wire(act)


def test_what_waits_to_leave_is_known() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        assert wire.empty
        wire.write(b"x" * 8 * 1024 * 1024)
        assert not wire.empty
        theirs.settimeout(10)
        await asyncio.to_thread(drain, theirs, 8 * 1024 * 1024)
        await recorder.heard_something.wait()
        assert recorder.heard == ["drained"]
        assert wire.empty

    with_wire(act)


def test_a_nearer_deadline_moves_the_one_timer_and_a_farther_one_only_waits() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:  # noqa: ARG001 its shape is given
        wire.expect_within(300)
        wire.expect_within(0.01)
        wire.expect_within(0.03)
        await recorder.ended.wait()
        assert [TimeoutError] == recorder.heard

    with_wire(act)


def test_nothing_awaited_never_times_out() -> None:
    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        wire.expect_within(0)
        wire.expect_within(inf)
        theirs.sendall(b"220 hi\r\n")
        await recorder.heard_something.wait()
        assert recorder.heard == [b"220 hi\r\n"]

    with_wire(act)


def test_words_before_broken_tls_are_heard_and_the_break_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = client_context(relay_at(465, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file))

    async def act(wire: Wire, recorder: Recorder, theirs: socket.socket) -> None:
        theirs.settimeout(10)
        wire.start_tls(ours, "127.0.0.1")
        await asyncio.to_thread(greet_and_break, theirs, authority.server_context())
        await recorder.ended.wait()
        assert ["secured", b"220 hi\r\n", ssl.SSLError] == [heard for heard in recorder.heard if heard != b""]

    with_wire(act)


def greet_and_break(sock: socket.socket, context: ssl.SSLContext) -> None:
    """Do the server's side of a handshake; then send a greeting and a forged record in one packet."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    done = False
    while not done:
        incoming.write(sock.recv(65536))
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        sock.sendall(outgoing.read())
    tls.write(b"220 hi\r\n")
    sock.sendall(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))


def drain(sock: socket.socket, size: int) -> None:
    """Read `size` bytes."""
    while size:
        size -= len(sock.recv(65536))
