"""A relay that notes when each mail and each connection came, and that a test may take away."""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

_ADDRESS = re.compile(rb"<([^>]*)>")
_OFFERS = b"250-relay\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail that was taken: when, by the host's steady clock, for how many, and for whom first."""

    at: float
    recipients: int
    first: str


class TimedRelay:
    """It serves on a thread of its own, in a `with` block; its clock is `time.monotonic`."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.connections: list[float] = []
        self.away = False
        """Whether it hangs up on whoever comes."""
        self.answer = b"250 2.0.0 Ok"
        """What it says to a dot; only what begins with 250 is an arrival."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def counts(self, since: float, until: float, width: float) -> list[int]:
        """Return how many recipients came in each whole span of `width` seconds between two instants."""
        spans = int((until - since) / width)
        found = Counter(
            int((each.at - since) / width)
            for each in self._between(since, until)
            for _ in range(each.recipients)
        )
        return [found[span] for span in range(spans)]

    def most_in_a_second(self, since: float = 0.0, until: float = float("inf")) -> int:
        """Return the most recipients that came in any second."""
        times = [each.at for each in self._between(since, until) for _ in range(each.recipients)]
        most, first = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _between(self, since: float, until: float) -> Sequence[Arrival]:
        return [each for each in list(self.arrivals) if since <= each.at < until]

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await self._loop.create_server(lambda: _Conversation(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._began.set()
        await self._end.wait()
        server.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._began.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()


class _Conversation(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, relay: TimedRelay) -> None:
        self._relay = relay
        self._buffer = b""
        self._recipients: list[str] = []
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._relay.connections.append(time.monotonic())
        if self._relay.away:
            transport.abort()
        else:
            transport.write(b"220 relay ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        if self._relay.away:
            self._transport.abort()
            return
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._in_data else b"\r\n"
            part, found, rest = self._buffer.partition(end)
            if not found:
                return
            self._buffer = rest
            if self._in_data:
                self._take()
            else:
                self._obey(part)

    def _take(self) -> None:
        self._in_data = False
        if self._relay.answer.startswith(b"250"):
            self._relay.arrivals.append(Arrival(time.monotonic(), len(self._recipients), self._recipients[0]))
        self._transport.write(self._relay.answer + b"\r\n")

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._transport.write(_OFFERS)
            return
        if verb == b"MAIL":
            self._recipients = []
        elif verb == b"RCPT":
            address = _ADDRESS.search(line)
            self._recipients.append(address[1].decode() if address else "")
        elif verb == b"DATA":
            self._in_data = True
            self._transport.write(b"354 go\r\n")
            return
        self._transport.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        if verb == b"QUIT":
            self._transport.close()
