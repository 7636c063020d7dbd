"""Write verdicts down: the self-clocked group commit.

Take all that is finished, write it in one transaction, repeat. Under load a batch grows while the one
before it commits; idle, a verdict is written at once. A timer would buy nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.mail.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue, Recorded
    from outbox.store.sessions import Totals
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads

MOST = 500
"""Settlements in one transaction."""

STALLED = 2.0
"""Seconds that a verdict may wait to be written before no new dot is sent."""

_LONGEST_WAIT = 5.0


class Recorder:
    """Writes settlements in the background; `recorded` is called with the ids of each written batch."""

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        totals: Totals,
        doubt_pause: float,
        recorded: Callable[[list[int]], None],
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._totals = totals
        self._doubt_pause = doubt_pause
        self._recorded = recorded
        self._waiting: deque[tuple[Lease, Settlement]] = deque()
        self._arrived = asyncio.Event()
        self._oldest: float | None = None
        self._backlog = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, lease: Lease, settlements: Iterable[Settlement]) -> None:
        """Take settlements of deliveries claimed under `lease`."""
        for settlement in settlements:
            self._waiting.append((lease, settlement))
            self._backlog += 1
        if self._backlog:
            self._empty.clear()
            self._arrived.set()

    def is_stalled(self) -> bool:
        """Tell whether the batch being written has waited too long: the database is slow or away."""
        return self._oldest is not None and asyncio.get_running_loop().time() - self._oldest > STALLED

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write(self._take())

    async def drained(self) -> None:
        """Wait until everything that was put is written."""
        await self._empty.wait()

    def _take(self) -> tuple[UUID, list[Settlement]]:
        """Take the longest run of settlements that belong to one session."""
        lease, settlement = self._waiting.popleft()
        batch = [settlement]
        while self._waiting and self._waiting[0][0] is lease and len(batch) < MOST:
            batch.append(self._waiting.popleft()[1])
        return lease.id, batch

    async def _write(self, taken: tuple[UUID, list[Settlement]]) -> None:
        session, batch = taken
        loop = asyncio.get_running_loop()
        self._oldest = loop.time()
        wait = 0.1
        while True:
            try:
                recorded = await self._threads.run(self._record, session, batch)
                break
            except SQLAlchemyError as error:
                # The verdicts are kept. The write repeats its precondition: trying again does no harm.
                events.record_failed(error, len(batch))
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
        self._oldest = None
        self._backlog -= len(batch)
        if not self._backlog:
            self._empty.set()
        if recorded.late or recorded.dropped:
            events.late_verdicts(recorded.late, recorded.dropped)
        for settlement in batch:
            self._count(settlement)
        self._recorded([settlement.delivery_id for settlement in batch])

    def _record(self, session: UUID, batch: list[Settlement]) -> Recorded:
        return self._queue.record(session, batch, doubt_pause=self._doubt_pause)

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
