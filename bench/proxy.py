"""A server that is far away: `python -m bench.proxy PORT SECONDS` puts a round trip before PORT of 127.0.0.1.

It prints its own port. Each direction has half of the round trip. The kernel completes a client's connect at
once, so the real server is called only after the round trip and a half that SYN, SYN-ACK and ACK would take:
its greeting arrives two round trips after the client began to connect, as it does over a real distance.
Bandwidth is not limited, and nothing is lost, so TCP's slow start plays no part.
"""

import asyncio
import selectors
import sys
from collections.abc import Callable
from typing import Self

from bench.delay_line import DelayLine
from bench.postfix import HOST


class Side(asyncio.Protocol):
    """One end of a connection: what is read here leaves on the other side, after the line's time.

    asyncio sets TCP_NODELAY, so a chunk leaves as soon as it has arrived.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: float) -> None:
        self._line = DelayLine(loop, delay, self._leave)
        self.transport: asyncio.Transport | None = None
        self.other: Self | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; what its owner says has to wait until there is another side."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.other is None:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Send what was read on its way."""
        self._line.put(data)

    def eof_received(self) -> bool:
        """Send the end on its way; what comes in the other direction still arrives."""
        self._line.put(b"")
        return True

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 asyncio's own signature
        """End the other side, too, when the news arrives there."""
        self.transport = None
        self._line.put(b"")

    def _leave(self, data: bytes) -> None:
        if self.other is None or (transport := self.other.transport) is None:
            return
        if data:
            transport.write(data)
        else:
            # Whoever ends one direction of an SMTP conversation is done with both.
            transport.close()


class Proxy:
    """Every connection to `port` of 127.0.0.1 takes `round_trip` seconds for a round trip."""

    def __init__(self, port: int, round_trip: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._round_trip = round_trip
        self._calls: set[asyncio.Task[None]] = set()

    async def serve(self, announce: Callable[[int], None]) -> None:
        """Take connections for ever; `announce` gets the port."""
        server = await self._loop.create_server(self._accept, HOST, 0, backlog=1000)
        announce(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    def _accept(self) -> Side:
        client = Side(self._loop, self._round_trip / 2)
        call = self._loop.create_task(self._call(client))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return client

    async def _call(self, client: Side) -> None:
        """Connect a client with the server behind us."""
        await asyncio.sleep(1.5 * self._round_trip)
        server = Side(self._loop, self._round_trip / 2)
        server.other = client
        try:
            await self._loop.create_connection(lambda: server, HOST, self._port)
        except OSError:
            if client.transport is not None:
                client.transport.abort()
            return
        client.other = server
        if client.transport is not None:
            client.transport.resume_reading()


def main() -> None:
    """Serve until ended from outside."""
    port, round_trip = int(sys.argv[1]), float(sys.argv[2])

    async def serve() -> None:
        await Proxy(port, round_trip).serve(lambda own: print(own, flush=True))

    # select() sleeps to the microsecond; epoll's milliseconds would add up to one in each direction.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
