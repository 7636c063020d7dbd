"""A connection whose network is in our hands: the client's socket, a server behind it, a fault between."""

import asyncio
import os
import socket

from tests.cuts.fault import ALTERED, Fault, Kind, Way
from tests.cuts.receiver import Receiver

PAUSE = 10.0
"""Seconds of a pause: shorter than every patience of the client."""


class Line:
    """One connection; `client` is the client's socket, `over` is set when the client has left it.

    Bytes that hang on their way to the server reach it after the client has left, as they would.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, receiver: Receiver, fault: Fault | None) -> None:
        self.over = asyncio.Event()
        self.struck = False
        self.carried = {way: bytearray() for way in Way}
        self.client, self._server = socket.socketpair(socket.AF_UNIX)
        for end in (self.client, self._server):
            end.settimeout(0)
        self._loop = loop
        self._receiver = receiver
        self._fault = fault
        self._held: bytearray | None = None
        self._mute = False
        loop.add_reader(self._server, self._readable)
        self._carry(Way.DOWN, receiver.greet())

    def _readable(self) -> None:
        try:
            data = self._server.recv(256 * 1024)
        except ConnectionResetError:
            data = b""
        if data:
            self._carry(Way.UP, data)
        else:
            self._leave()
            self._resume()

    def _carry(self, way: Way, data: bytes) -> None:
        """Carry bytes, up to the one where the fault is."""
        fault = self._fault
        begin = len(self.carried[way])
        self.carried[way] += data
        if fault is None or way is not fault.way or begin + len(data) <= fault.at:
            self._deliver(way, data)
        elif self._held is not None:
            self._held += data
        elif self.struck:
            self._deliver(way, data)
        else:
            self.struck = True
            self._strike(fault, data, fault.at - begin)

    def _strike(self, fault: Fault, data: bytes, n: int) -> None:
        if altered := ALTERED.get(fault.kind):
            self._deliver(fault.way, data[:n] + altered(data[n]) + data[n + 1 :])
            return
        self._deliver(fault.way, data[:n])
        if fault.kind is Kind.RESET:
            self._reset()
        elif fault.kind is Kind.CUT and fault.way is Way.UP:
            self._leave()
        elif fault.kind is Kind.CUT:
            # Only this direction ends: what the client says before it sees that still arrives.
            self._shut()
        else:
            self._held = bytearray(data[n:])
            if fault.kind is Kind.PAUSE:
                self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        held, self._held = self._held, None
        if held and self._fault is not None:
            self._deliver(self._fault.way, bytes(held))

    def _deliver(self, way: Way, data: bytes) -> None:
        if way is Way.UP:
            if answer := self._receiver.hear(data):
                self._carry(Way.DOWN, answer)
            if self._receiver.closed:
                self._shut()
        elif data and not self._mute:
            try:
                assert self._server.send(data) == len(data)
            except (BrokenPipeError, ConnectionResetError):
                self._mute = True

    def _shut(self) -> None:
        if not self._mute:
            self._mute = True
            self._server.shutdown(socket.SHUT_WR)

    def _reset(self) -> None:
        """End so that the client sees a reset, which on a socket pair an unread byte makes."""
        self._loop.remove_reader(self._server)
        if self.client.fileno() >= 0:
            os.write(self.client.fileno(), b"\0")
        self._leave()

    def _leave(self) -> None:
        self._mute = True
        self._loop.remove_reader(self._server)
        self._server.close()
        self.over.set()
