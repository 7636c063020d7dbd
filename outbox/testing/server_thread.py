"""A server on an event loop in a thread of its own, beside the code that it is there for."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PATIENCE = 10.0
"""Seconds in which a server listens, and ends."""


class ServerThread:
    """Starts what `listen` opens, and has `end` end its connections; both run on the loop of the thread."""

    def __init__(
        self, name: str, listen: Callable[[], Awaitable[asyncio.Server]], end: Callable[[], Awaitable[object]]
    ) -> None:
        self._name = name
        self._listen = listen
        self._end = end
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event

    def start(self) -> int:
        """Listen; return the port when connections are accepted. Raises what keeps it from that."""
        listening: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=[listening], name=self._name, daemon=True)
        self._thread.start()
        return listening.result(_PATIENCE)

    def stop(self) -> None:
        """End all connections and the thread; harmless where it has not started, or has stopped."""
        if self._thread is not None:
            with suppress(AttributeError, RuntimeError):  # its loop never began, or has ended
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_PATIENCE)
            self._thread = None

    def _run(self, listening: Future[int]) -> None:
        try:
            asyncio.run(self._serve(listening))
        except Exception as error:
            if listening.done():
                raise
            listening.set_exception(error)

    async def _serve(self, listening: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await self._listen()
        listening.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        await self._end()
