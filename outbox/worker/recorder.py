"""Write verdicts down: the self-clocked group commit.

Take all that is finished, write it in one transaction, repeat. Under load a batch grows while the one
before it commits; idle, a verdict is written at once.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outbox import events
from outbox.mail.status import Status
from outbox.worker.backoff import backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue
    from outbox.store.sessions import Totals
    from outbox.store.verdicts import Recorded
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads

MOST = 500
"""Settlements in one transaction."""

PACE = 0.005
"""Seconds between the starts of two transactions, at least: many small ones queue up behind each other."""

STALLED = 2.0
"""Seconds that a verdict may wait to be written before no new dot is sent."""

PAUSE = 1.0
"""Seconds after which verdicts are tried again whose deliveries somebody had locked."""

CAREFUL = 60.0
"""Seconds after those in which no write waits for anybody's lock, and none holds up the others."""


class Recorder:
    """Writes settlements in the background.

    `written` is called with those of each finished batch, `refused` with one that can never be written.
    """

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        totals: Totals,
        doubt_pause: float,
        written: Callable[[Sequence[Settlement]], None],
        refused: Callable[[Settlement], None],
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._totals = totals
        self._doubt_pause = doubt_pause
        self._written = written
        self._refused = refused
        self._waiting: deque[tuple[Lease, Settlement, float]] = deque()
        self._returned: deque[tuple[Lease, Settlement, float]] = deque()
        self._careful_until = 0.0
        self._arrived = asyncio.Event()
        # When the oldest verdict of the batch under way arrived.
        self._oldest: float | None = None
        self.backlog = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, lease: Lease, settlements: Iterable[Settlement]) -> None:
        """Take settlements of deliveries claimed under `lease`."""
        now = asyncio.get_running_loop().time()
        for settlement in settlements:
            self._waiting.append((lease, settlement, now))
            self.backlog += 1
        if self.backlog:
            self._empty.clear()
            self._arrived.set()

    def is_stalled(self) -> bool:
        """Tell whether a verdict has waited too long to be written: the database is slow or away.

        Those that wait for somebody's lock say nothing of that.
        """
        waiting = self._waiting[0][2] if self._waiting else None
        oldest = waiting if self._oldest is None else self._oldest
        return oldest is not None and asyncio.get_running_loop().time() - oldest > STALLED

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting or self._returned:
                began = asyncio.get_running_loop().time()
                if self._waiting:
                    self._oldest = self._waiting[0][2]
                    await self._write(*_take(self._waiting), again=False)
                    self._oldest = None
                if self._returned:
                    await self._write(*_take(self._returned), again=True)
                await asyncio.sleep(max(0.0, began + PACE - asyncio.get_running_loop().time()))

    async def drained(self) -> None:
        """Wait until everything that was put is written."""
        await self._empty.wait()

    async def _write(self, lease: Lease, batch: list[Settlement], *, again: bool) -> None:
        """Write a batch; `again` says that this may be the second time, if only the answer was lost."""
        for failures in itertools.count():
            try:
                careful = asyncio.get_running_loop().time() < self._careful_until
                recorded = await self._threads.run(
                    self._record, lease.id, batch, again=again or careful or failures > 0
                )
                break
            except Exception as error:  # noqa: BLE001 - a verdict that cannot be written must not end the recorder
                if not _passes(error):
                    await self._write_apart(lease, batch, error)
                    return
                # The verdicts are kept. The write repeats its precondition: trying again does no harm.
                events.record_failed(error, len(batch))
                await asyncio.sleep(backoff(failures + 1, random.random()))  # noqa: S311 - jitter
        if recorded.late or recorded.dropped:
            events.late_verdicts(recorded.late, recorded.dropped)
        if recorded.busy:
            self._put_off(lease, [one for one in batch if one.delivery_id in recorded.busy])
        done = [one for one in batch if one.delivery_id not in recorded.busy]
        for settlement in done:
            self._count(settlement)
        self._settled(len(done))
        self._written(done)

    def _put_off(self, lease: Lease, batch: list[Settlement]) -> None:
        """Try these again in a while: somebody has locked their deliveries, and the others need not wait."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._careful_until:
            events.verdicts_wait(len(batch))
        self._careful_until = loop.time() + CAREFUL

        def back() -> None:
            self._returned.extend((lease, settlement, loop.time()) for settlement in batch)
            self._arrived.set()

        loop.call_later(PAUSE, back)

    async def _write_apart(self, lease: Lease, batch: list[Settlement], error: Exception) -> None:
        """Find the verdict that the database refuses, write the others, and that one in plain words."""
        if len(batch) > 1:
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                await self._write(lease, half, again=True)
        elif (plain := _plain(batch[0])) != batch[0]:
            await self._write(lease, [plain], again=True)
        else:
            # Its claim stays ours until this session ends; then it is rescued like any other.
            events.verdict_refused(error, batch[0].delivery_id, batch[0].move)
            self._settled(1)
            self._refused(batch[0])

    def _settled(self, count: int) -> None:
        self.backlog -= count
        if not self.backlog:
            self._empty.set()

    def _record(self, session: UUID, batch: list[Settlement], *, again: bool) -> Recorded:
        return self._queue.record(session, batch, doubt_pause=self._doubt_pause, again=again)

    def _count(self, settlement: Settlement) -> None:
        match settlement.target:
            case Status.SENT:
                self._totals.sent += 1
            case Status.FAILED:
                self._totals.failed += 1
            case Status.PENDING if settlement.judged:
                self._totals.deferred += 1
            case _:
                pass


def _take(waiting: deque[tuple[Lease, Settlement, float]]) -> tuple[Lease, list[Settlement]]:
    """Take the longest run of settlements that belong to one session."""
    lease, settlement, _ = waiting.popleft()
    batch = [settlement]
    while waiting and waiting[0][0] is lease and len(batch) < MOST:
        batch.append(waiting.popleft()[1])
    return lease, batch


def _passes(error: Exception) -> bool:
    """Tell whether the database may take the same verdicts later: it is away, busy, or forbids us for now."""
    refused = isinstance(error, DataError | IntegrityError)
    return isinstance(error, DBAPIError | PoolTimeoutError) and not refused


def _plain(settlement: Settlement) -> Settlement:
    """Return a settlement whose texts any database can hold: printable ASCII, without the queue id."""
    answer = settlement.answer
    return replace(
        settlement,
        answer=answer and replace(answer, text=ascii(answer.text)[1:-1]),
        detail=settlement.detail and ascii(settlement.detail)[1:-1],
        queue_id=None,
    )
