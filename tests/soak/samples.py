"""What a process takes: memory, descriptors and threads, looked at each few seconds."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the beginning, bytes of memory, descriptors, threads, and recipients so far.

    `memory` is the proportional set: pages that other processes share count in part.
    """

    at: float
    memory: int
    descriptors: int
    threads: int
    arrived: int = 0


def look(pid: int, at: float = 0.0, arrived: int = 0) -> Sample:
    """Look at a process now."""
    here = Path(f"/proc/{pid}")
    found = _PSS.search((here / "smaps_rollup").read_text())
    assert found is not None
    return Sample(
        at,
        int(found[1]) * 1024,
        sum(1 for _ in (here / "fd").iterdir()),
        sum(1 for _ in (here / "task").iterdir()),
        arrived,
    )


class Sampler:
    """Looks each `every` seconds in a `with` block, on a thread of its own.

    `arrived` counts recipients; those that came before do not count.
    """

    def __init__(self, pid: int, every: float, arrived: Callable[[], int]) -> None:
        self.samples: list[Sample] = []
        self._pid = pid
        self._every = every
        self._arrived = arrived
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler")

    def _run(self) -> None:
        began, first = time.monotonic(), self._arrived()
        while not self._end.wait(self._every):
            try:
                self.samples.append(look(self._pid, time.monotonic() - began, self._arrived() - first))
            except OSError:  # it has ended: the driver tells
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
