"""A database server whose network is in a test's hands: cut, stalled, slowed, and its bytes counted."""

import asyncio
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Self

from sqlalchemy import make_url

from tests.support.proxy_link import Cut, Line, Link, Way, reset

_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_TIMEOUT = 20


class DatabaseProxy:
    """A port of 127.0.0.1 before the server of `server_url`, in a `with` block, on a thread of its own.

    What a method changes is changed for all connections when it returns. A server that is away resets the
    client. `url()` is the server's URL through the proxy.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        server = make_url(server_url)
        self._server = (server.host or "127.0.0.1", server.port or _PORTS[server.get_backend_name()])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="database-proxy")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._listener.settimeout(0)
        self.port: int = self._listener.getsockname()[1]
        self._diverted: int | None = None
        self._line = Line()
        self._refuses = False
        self._links: dict[asyncio.Task[None], Link | None] = {}
        self._failures: list[BaseException] = []

    def url(self, server_url: str | None = None) -> str:
        """Return the URL of the server, or of another database on it, through this proxy."""
        url = make_url(server_url or self._server_url).set(host="127.0.0.1", port=self.port)
        return url.render_as_string(hide_password=False)

    def cut(self, *, refuse: bool = False) -> None:
        """Reset every connection now; with `refuse` also each new one, until `admit()`."""
        asyncio.run_coroutine_threadsafe(self._cut(refuse=refuse), self._loop).result(_TIMEOUT)

    def admit(self) -> None:
        """Take new connections again."""
        self._refuses = False

    def lead_to(self, port: int | None) -> None:
        """Lead new connections to this port of 127.0.0.1 instead; None: to the server again."""
        self._diverted = port

    def cut_after(self, way: Way, left: int, *, abandons: bool = False) -> Cut:
        """Arm a cut behind the next `left` bytes that go this way; one is armed at a time."""
        cut = Cut(way, left, abandons=abandons)
        self._do(lambda: setattr(self._line, "cut", cut))
        return cut

    def disarm(self) -> None:
        """Forget a cut that has not struck."""
        self._do(lambda: setattr(self._line, "cut", None))

    def stall(self, *ways: Way, new: bool = True) -> None:
        """Carry nothing any more on these ways, or on both, but keep the connections open.

        What is said meanwhile is held for `resume()`. Without `new` later connections are free.
        """
        chosen = set(ways or Way)

        def stall() -> None:
            for link in filter(None, self._links.values()):
                link.stall(chosen)
            if new:
                self._line.stalled |= chosen

        self._do(stall)

    def resume(self) -> None:
        """Carry all again, first what was held."""

        def resume() -> None:
            self._line.stalled.clear()
            for link in filter(None, self._links.values()):
                link.resume(set(Way))

        self._do(resume)

    def delay(self, seconds: float) -> None:
        """Let each chunk that is said from now on arrive so many seconds later, as over a long cable."""
        self._do(lambda: setattr(self._line, "delay", seconds))

    def mark(self) -> None:
        """Count from here."""
        self._do(lambda: self._line.carried.update(dict.fromkeys(Way, 0)))

    def carried(self, way: Way) -> int:
        """Return the bytes that were carried this way since the mark."""
        return self._line.carried[way]

    @property
    def connections(self) -> int:
        """Connections that are open on either side."""
        return len(self._links)

    def _do(self, work: Callable[[], None]) -> None:
        async def on_the_loop() -> None:
            work()

        asyncio.run_coroutine_threadsafe(on_the_loop(), self._loop).result(_TIMEOUT)

    async def _cut(self, *, refuse: bool) -> None:
        self._refuses = self._refuses or refuse
        tasks = list(self._links)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            if self._refuses:
                reset(client)
                continue
            task = self._loop.create_task(self._connect(client))
            self._links[task] = None
            task.add_done_callback(partial(self._ended, client))

    async def _connect(self, client: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        server = socket.socket()
        server.settimeout(0)
        try:
            try:
                diverted = self._diverted
                where = self._server if diverted is None else ("127.0.0.1", diverted)
                await self._loop.sock_connect(server, where)
            except OSError:
                return
            link = self._links[task] = Link(self._line, client, server)
            await link.run()
        finally:
            reset(server)

    def _ended(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        # Here, because a task that is cancelled before its first step runs no line of its own.
        reset(client)
        del self._links[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT)
        self._loop.close()
        assert not self._failures, self._failures

    async def _close(self) -> None:
        self._accepting.cancel()
        await self._cut(refuse=True)
        self._listener.close()
