"""One connection through the database proxy: what one side says reaches the other, as the line allows."""

import asyncio
import fcntl
import socket
import struct
import termios
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event

_CHUNK = 65_536
_PATIENCE = 10.0


class Way(StrEnum):
    """The direction of a byte."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


@dataclass(eq=False, slots=True)
class Cut:
    """The end of the connection that carries the last of `left` more bytes this way.

    All of them arrive, and after them nothing either way: both sides are reset. With `abandons` the server's
    side stays open instead, and the client's end is news that never reaches it.
    """

    way: Way
    left: int
    abandons: bool = False
    struck: Event = field(default_factory=Event)
    """Set when it has happened."""


@dataclass(eq=False, slots=True)
class Line:
    """What all connections have in common; only the proxy's thread changes it."""

    delay: float = 0.0
    stalled: set[Way] = field(default_factory=set)
    """The ways that carry nothing on a new connection."""
    cut: Cut | None = None
    carried: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))


class Link:
    """One client and its server, by sockets that do not block."""

    def __init__(self, line: Line, client: socket.socket, server: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._ends = {Way.TO_CLIENT: client, Way.TO_SERVER: server}
        self._sources = {Way.TO_CLIENT: server, Way.TO_SERVER: client}
        self._under_way: dict[Way, asyncio.Queue[tuple[float, bytes]]] = {way: asyncio.Queue() for way in Way}
        self._flows = {way: asyncio.Event() for way in Way}
        self._struck: Cut | None = None
        for end in self._ends.values():
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.resume(set(Way) - line.stalled)

    def stall(self, ways: set[Way]) -> None:
        """Take what is said on these ways, and hold it."""
        for way in ways:
            self._flows[way].clear()

    def resume(self, ways: set[Way]) -> None:
        """Carry what is held on these ways, and all that follows."""
        for way in ways:
            self._flows[way].set()

    async def run(self) -> None:
        """Carry until one side ends, or the line's cut strikes here; reset both sides when cancelled."""
        try:
            await self._carry()
            if self._struck is None:
                for end in self._ends.values():
                    end.close()
                return
            reset(self._ends[Way.TO_CLIENT])
            if not self._struck.abandons:
                reset(self._ends[Way.TO_SERVER])
            self._struck.struck.set()
            if self._struck.abandons:
                await asyncio.Event().wait()
        finally:
            for end in self._ends.values():
                reset(end)

    async def _carry(self) -> None:
        hearing = [asyncio.create_task(self._hear(way)) for way in Way]
        saying = [asyncio.create_task(self._say(way)) for way in Way]
        try:
            await asyncio.wait(saying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*hearing, *saying):
                task.cancel()
            outcomes = await asyncio.gather(*hearing, *saying, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                raise outcome

    async def _hear(self, way: Way) -> None:
        """Take all that is said this way, also while nothing is carried: the kernel has acknowledged it."""
        data = b"something"
        while data:
            try:
                data = await self._loop.sock_recv(self._sources[way], _CHUNK)
            except OSError:
                data = b""
            self._under_way[way].put_nowait((self._loop.time() + self._line.delay, data))

    async def _say(self, way: Way) -> None:
        """Deliver it in order, until its speaker has ended or the connection is cut."""
        while self._struck is None:
            arrives, data = await self._under_way[way].get()
            await asyncio.sleep(arrives - self._loop.time())
            await self._flows[way].wait()
            if not data:
                return
            if self._struck is None:
                await self._deliver(way, data)

    async def _deliver(self, way: Way, data: bytes) -> None:
        cut = self._line.cut
        if cut is not None and cut.way is way:
            if len(data) >= cut.left:
                self._struck, self._line.cut = cut, None
                data = data[: cut.left]
            cut.left -= len(data)
        self._line.carried[way] += len(data)
        await self._loop.sock_sendall(self._ends[way], data)
        if self._struck is cut is not None:
            await self._arrival(self._ends[way])

    async def _arrival(self, end: socket.socket) -> None:
        """Wait until the other kernel has all: a reset would drop what is still in ours."""
        deadline = self._loop.time() + _PATIENCE
        while _unacknowledged(end):
            if self._loop.time() > deadline:
                raise RuntimeError(f"after {_PATIENCE:g} s the last bytes before a cut have not arrived")
            await asyncio.sleep(0)


def reset(end: socket.socket) -> None:
    """Close a socket so that the other side sees a reset; a closed one stays as it is."""
    if end.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()


def _unacknowledged(end: socket.socket) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, struct.pack("i", 0)))
    return int(count)
