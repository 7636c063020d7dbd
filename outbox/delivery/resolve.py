"""Find a relay's addresses, and open a connection to the one that answers first.

Names are looked up in threads of our own: a resolver that hangs can fill asyncio's own pool, on which much
else waits, and asyncio.run would wait for that pool at its end.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EMFILE, ENFILE
from typing import Any

from aiohappyeyeballs import AddrInfoType, start_connection

Addresses = Sequence[AddrInfoType]
"""Rows of getaddrinfo: family, type, protocol, canonical name, and the address itself."""

_HEAD_START = 0.25
"""Seconds that an address has before the next is tried beside it (RFC 8305 §5)."""
_TELLING = (EMFILE, ENFILE, ECONNREFUSED, ECONNRESET, EHOSTUNREACH)
"""What says most, the most telling first: what we lack ourselves; then, a host that refuses is there."""
_NUMBER = re.compile(r"\[Errno (\d+)\]")


class Resolver:
    """Looks names up, in `threads` threads at once at the most.

    A lookup lives in a thread of its own, a daemon, so that one which hangs holds up neither the process's
    end nor, while fewer than `threads` hang, any other lookup. There is nothing to close.
    """

    def __init__(self, threads: int = 4, getaddrinfo: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._free = asyncio.Semaphore(threads)
        self._getaddrinfo = getaddrinfo

    async def addresses(self, host: str, port: int) -> Addresses:
        """Return the addresses of `host`, at least one, in the system's order of preference.

        Waits as long as the resolver does: set a timeout around it. Raises socket.gaierror, UnicodeError
        for a name that IDNA cannot encode, and OSError where no thread can be had.
        """
        with suppress(socket.gaierror):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Addresses] = loop.create_future()
        await self._free.acquire()
        try:
            lookup = (host, port, loop, answer)
            threading.Thread(target=self._look_up, args=lookup, name="outbox-resolver", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError(f"no thread for the lookup of {host}: {error}") from error
        return await answer

    def _look_up(
        self, host: str, port: int, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Addresses]
    ) -> None:
        found: Addresses | Exception
        try:
            found = self._getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 raised where it was asked for
            found = error
        # RuntimeError: the loop has ended meanwhile, and nobody asks any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._tell, answer, found)

    def _tell(self, answer: asyncio.Future[Addresses], found: Addresses | Exception) -> None:
        self._free.release()
        if answer.done():
            return
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result(found)


async def open_wire(
    factory: Callable[[], asyncio.BaseProtocol], addresses: Addresses, source: str | None = None
) -> None:
    """Connect the protocol that `factory` makes to the first of `addresses` that answers (RFC 8305).

    The connection comes from the address `source` of this host; None leaves that to the system.
    Waits as long as the network does: set a timeout around it. Raises OSError: where all fail, each in its
    way, the kind that says most, with the words of all.
    """
    ours = None if source is None else socket.getaddrinfo(source, 0, type=socket.SOCK_STREAM)
    try:
        sock = await start_connection(addresses, local_addr_infos=ours, happy_eyeballs_delay=_HEAD_START)
    except OSError as error:
        number = _most_telling(error)
        if number is None:
            raise
        raise OSError(number, str(error)) from error
    await asyncio.get_running_loop().create_connection(factory, sock=sock)


def _most_telling(error: OSError) -> int | None:
    """Return the number of the most telling of several errors, which the library hands on as text only."""
    if error.errno is not None:
        return None
    numbers = {int(number) for number in _NUMBER.findall(str(error))}
    return next((each for each in _TELLING if each in numbers), None)
