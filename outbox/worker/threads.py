"""The threads in which the event loop has its database work done."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Two threads: one claims while the other records; what is rare takes its turn between.

    With the heartbeat's and those of the duties they are nine, and so are the connections of a daemon
    (`store/dialects/plain.py`): nobody waits for one, the heartbeat least of all.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="outbox-database")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` on a thread and return what it returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """End the threads; work that still hangs in the database is left behind."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def on_the_loop(callback: Callable[P, object]) -> Callable[P, None]:
    """Return what has `callback` called soon on the loop that runs here, from any thread."""
    loop = asyncio.get_running_loop()

    def soon(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it all that the call was for
            loop.call_soon_threadsafe(lambda: callback(*args, **kwargs))

    return soon


async def run_aside(work: Callable[[], T]) -> T:
    """Run `work` on a thread that no end of the process waits for, and return what it returns."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, name="outbox-aside", daemon=True).start()
    return await asyncio.wrap_future(done)
