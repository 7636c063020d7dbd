"""Write verdicts down: the self-clocked group commit.

Take all that is finished, write it in one transaction, repeat. Under load a batch grows while the one
before it commits; idle, a verdict is written at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outbox import events
from outbox.mail.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue, Recorded
    from outbox.store.sessions import Totals
    from outbox.worker.lease import Lease
    from outbox.worker.threads import Threads

MOST = 500
"""Settlements in one transaction."""

PACE = 0.005
"""Seconds between the starts of two transactions, at least: many small ones queue up behind each other."""

STALLED = 2.0
"""Seconds that a verdict may wait to be written before no new dot is sent."""

_LONGEST_WAIT = 5.0


class Recorder:
    """Writes settlements in the background; `written` is called with those of each finished batch."""

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        totals: Totals,
        doubt_pause: float,
        written: Callable[[Sequence[Settlement]], None],
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._totals = totals
        self._doubt_pause = doubt_pause
        self._written = written
        self._waiting: deque[tuple[Lease, Settlement, float]] = deque()
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
        """Tell whether a verdict has waited too long to be written: the database is slow or away."""
        return self._oldest is not None and asyncio.get_running_loop().time() - self._oldest > STALLED

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                began = asyncio.get_running_loop().time()
                self._oldest = self._waiting[0][2]
                await self._write(*self._take())
                self._oldest = None
                await asyncio.sleep(max(0.0, began + PACE - asyncio.get_running_loop().time()))

    async def drained(self) -> None:
        """Wait until everything that was put is written."""
        await self._empty.wait()

    def _take(self) -> tuple[UUID, list[Settlement]]:
        """Take the longest run of settlements that belong to one session."""
        lease, settlement, _ = self._waiting.popleft()
        batch = [settlement]
        while self._waiting and self._waiting[0][0] is lease and len(batch) < MOST:
            batch.append(self._waiting.popleft()[1])
        return lease.id, batch

    async def _write(self, session: UUID, batch: list[Settlement]) -> None:
        wait = 0.1
        while True:
            try:
                recorded = await self._threads.run(self._record, session, batch)
                break
            except Exception as error:  # noqa: BLE001 - a verdict that cannot be written must not end the recorder
                if not _passes(error):
                    await self._write_apart(session, batch, error)
                    return
                # The verdicts are kept. The write repeats its precondition: trying again does no harm.
                events.record_failed(error, len(batch))
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
        if recorded.late or recorded.dropped:
            events.late_verdicts(recorded.late, recorded.dropped)
        for settlement in batch:
            self._count(settlement)
        self._finish(batch)

    async def _write_apart(self, session: UUID, batch: list[Settlement], error: Exception) -> None:
        """Find the verdict that the database refuses, write the others, and that one in plain words."""
        if len(batch) > 1:
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                await self._write(session, half)
        elif (plain := _plain(batch[0])) != batch[0]:
            await self._write(session, [plain])
        else:
            # Its claim stays ours until this session ends; then it is rescued like any other.
            events.verdict_refused(error, batch[0].delivery_id, batch[0].move)
            self._finish(batch)

    def _finish(self, batch: list[Settlement]) -> None:
        self.backlog -= len(batch)
        if not self.backlog:
            self._empty.set()
        self._written(batch)

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
