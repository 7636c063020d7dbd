"""Application processes that commit one mail a transaction, as fast as they can while the queue stays short.

A Python process runs one thread at a time, so the connections are spread over two; more processes than cores
only cool each other's caches. All share the memory
of a `Flow`: nothing else passes between them, and nobody asks the database how long the queue is.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager
from ctypes import c_bool, c_double, c_int64
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import TYPE_CHECKING

from bench.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnProcess

PROCESSES, THREADS = 2, 4
CONNECTIONS = PROCESSES * THREADS
_KEPT = 10_000
_PAUSE = 0.002
_STOP = 30.0


class Flow:
    """What the application's connections have done, each in a place of its own, and how far they may go."""

    def __init__(self) -> None:
        self._committed = RawArray(c_int64, CONNECTIONS)
        self._waited = RawArray(c_double, CONNECTIONS)
        self._milliseconds = RawArray(c_double, CONNECTIONS * _KEPT)
        self._allowed = RawValue(c_int64, 0)
        self._over = RawValue(c_bool, False)  # noqa: FBT003 the value of a C variable has no name

    @property
    def committed(self) -> int:
        """Mails that were committed."""
        return sum(self._committed)

    @property
    def waited(self) -> float:
        """Seconds for which connections had to wait for the queue, all together."""
        return sum(self._waited)

    @property
    def milliseconds(self) -> list[float]:
        """How long the last transactions of each connection took."""
        return [value for value in self._milliseconds if value]

    def allow(self, mails: int) -> None:
        """Let so many mails be committed, from the start."""
        self._allowed.value = mails

    def stop(self) -> None:
        """End all."""
        self._over.value = True

    def serve(self, shop: Shop, connection: int) -> None:
        """Commit mails over one connection until stopped."""
        n = 0
        while not self._over.value:
            if self.committed >= self._allowed.value:
                time.sleep(_PAUSE)
                self._waited[connection] += _PAUSE
                continue
            began = time.perf_counter()
            with shop.engine.begin() as transaction:
                shop.enqueue(transaction, n)
            self._milliseconds[connection * _KEPT + n % _KEPT] = (time.perf_counter() - began) * 1000
            n += 1
            self._committed[connection] = n


@contextmanager
def customers(url: str, flow: Flow) -> Iterator[list[int]]:
    """Run the applications; give their processes' numbers, and end them after."""
    spawn = multiprocessing.get_context("spawn")
    processes: list[SpawnProcess] = [
        spawn.Process(target=_application, args=(url, flow, number), daemon=True)
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        yield [process.pid or 0 for process in processes]
    finally:
        flow.stop()
        for process in processes:
            process.join(_STOP)
            process.kill()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"an application ended with {[process.exitcode for process in processes]}")


def _application(url: str, flow: Flow, number: int) -> None:
    shop = Shop(url)
    connections = range(number * THREADS, (number + 1) * THREADS)
    threads = [threading.Thread(target=flow.serve, args=(shop, connection)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.engine.dispose()
