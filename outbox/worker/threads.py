"""The threads in which the event loop has its database work done."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
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
