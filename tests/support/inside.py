"""The daemon inside the test's own process, on a thread, so that a test can reach into it and break it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from outbox.delivery.relay import Pool
from outbox.delivery.retry import RetryPolicy
from outbox.store.database import Database
from outbox.store.deadline import SILENCE
from outbox.store.grants import Role
from outbox.worker.desk import Desk
from outbox.worker.loop import Daemon
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from tests.support.sending import relay_at
from tests.support.users import as_role
from tests.support.waiting import wait_until

T = TypeVar("T")

_PATIENCE = 30.0


class InsideDaemon:
    """A daemon that sends through a port of 127.0.0.1; `options` are those of the daemon.

    `url` is the owner's, as for RunningDaemon. It waits for the database for `silence` seconds, or with None
    for ever.
    """

    daemon: Daemon

    def __init__(self, url: str, port: int, silence: float | None, options: dict[str, Any]) -> None:
        self._database = Database(as_role(url, Role.DAEMON), silence)
        pool = Pool(options.pop("connections", 1))
        self._options = Options(
            **{
                "relays": (relay_at(port, pool=pool),),
                "policy": RetryPolicy(),
                "poll_interval": 0.1,
                **options,
            },
        )
        self._loop: asyncio.AbstractEventLoop
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="inside-daemon", daemon=True)

    def start(self) -> None:
        """Start it and return when its session has begun."""
        self._thread.start()
        wait_until(lambda: self._error is not None or self._has_begun(), "the daemon has begun")

    @property
    def desk(self) -> Desk:
        """The desk of its one relay."""
        (desk,) = self.daemon._desks
        return desk

    def do(self, work: Callable[[], T]) -> T:
        """Do `work` on the daemon's loop and return what it returns."""

        async def on_the_loop() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(on_the_loop(), self._loop).result(_PATIENCE)

    def ask_to_drain(self) -> None:
        """Ask it to drain, without waiting for its end."""
        self.do(self.daemon.stop.ask)

    def join(self) -> None:
        """Wait until it has ended by itself."""
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), "the daemon has not ended"

    def drain(self) -> None:
        """Wait for the end of its drain, asking for it if nobody has, and raise what ended it."""
        self.stop()
        self._raise()

    def stop(self) -> None:
        """Ask it to drain, and to leave if it does not."""
        if self._thread.is_alive() and not self.daemon.stop.draining:
            self.ask_to_drain()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self.ask_to_drain()
            self._thread.join(_PATIENCE)
        self._database.close()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
        assert not self._thread.is_alive(), "the daemon has not ended"

    def _has_begun(self) -> bool:
        return hasattr(self, "daemon") and hasattr(self.daemon, "_heartbeat")

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self.daemon = Daemon(self._database, self._options, Notifier(None))
            await self.daemon.run()

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 handed to the test in drain()
            self._error = error


@contextmanager
def daemon_inside(
    url: str, port: int, *, silence: float | None = SILENCE, **options: Any
) -> Iterator[InsideDaemon]:
    """Run a daemon in a thread, by default over one connection."""
    inside = InsideDaemon(url, port, silence, options)
    inside.start()
    try:
        yield inside
    finally:
        inside.stop()
