"""Write verdicts down: the self-clocked group commit.

Take all that is finished, write it in one transaction, repeat. Under load a batch grows while the one
before it commits, and with a journal for longer; idle, a verdict is written at once.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, IntegrityError

from outbox import events
from outbox.mail.status import LATE, Late
from outbox.worker.backoff import backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue
    from outbox.store.verdicts import Recorded
    from outbox.worker.journaling import Journaling
    from outbox.worker.lease import Lease
    from outbox.worker.tally import Tally
    from outbox.worker.threads import Threads

MOST = 500
"""Settlements in one transaction."""

PACE = 0.005
"""Seconds between the starts of two transactions, at least: many small ones queue up behind each other."""

JOURNALED_PACE = 0.025
"""The same while a journal is written: it knows a killed daemon's answers that the database does not."""

STALLED = 2.0
"""Seconds that a verdict may wait to be written before no new dot is sent."""

PAUSE = 1.0
"""Seconds after which verdicts are tried again whose deliveries somebody had locked."""

CAREFUL = 60.0
"""Seconds after those in which no write waits for anybody's lock, and none holds up the others."""

REFUSED_PAUSE = 60.0
"""Seconds after which verdicts are tried again that the database refuses."""

REFUSALS = 3
"""Refused verdicts in hand from which on no new dot is sent; fewer may be a matter of these mails alone."""

_SENT = {Late.WINS: True, Late.DOUBTS: None, Late.DROPPED: False}

# What the database says of this data; drivers that encode texts themselves raise the last one.
REFUSAL = (IntegrityError, DataError, UnicodeError)


class Recorder:
    """Writes settlements in the background, and tells the `journal` which of them the database has.

    `written` is called with those of each finished batch, `refused` with one that the database refuses: it is
    kept, and tried again as long as the session lives.
    """

    def __init__(
        self,
        queue: Queue,
        threads: Threads,
        tally: Tally,
        journal: Journaling,
        doubt_pause: float,
        written: Callable[[Sequence[Settlement]], None],
        refused: Callable[[Settlement], None],
    ) -> None:
        self._queue = queue
        self._threads = threads
        self._tally = tally
        self._journal = journal
        self._doubt_pause = doubt_pause
        self._written = written
        self._refused = refused
        self._waiting: deque[tuple[Lease, Settlement, float]] = deque()
        self._returned: deque[tuple[Lease, Settlement, float]] = deque()
        # Those refused and not written since, by their names; and which of them wait for the next try.
        self._refusals: dict[tuple[int, UUID, int], tuple[Lease, Settlement]] = {}
        self._resting: list[tuple[Lease, Settlement]] = []
        self._careful_until = 0.0
        self._arrived = asyncio.Event()
        # When the oldest verdict of the batch under way arrived.
        self._oldest: float | None = None
        self.moves_by = math.inf
        """By the loop's clock, when it is to try next to write what waits; to fail is to move, too."""
        self.backlog = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, lease: Lease, settlements: Iterable[Settlement], *, again: bool = False) -> None:
        """Take settlements of deliveries claimed under `lease`; `again`: they may be written already."""
        now = asyncio.get_running_loop().time()
        for settlement in settlements:
            (self._returned if again else self._waiting).append((lease, settlement, now))
            self.backlog += 1
        if self.backlog:
            self.moves_by = min(self.moves_by, now)
            self._empty.clear()
            self._arrived.set()

    @property
    def refused(self) -> list[tuple[Lease, Settlement]]:
        """What the database has refused and does not have since, whether it rests now or is tried again."""
        return [*self._refusals.values()]

    def is_stalled(self) -> bool:
        """Tell whether what is sent now could not be recorded: no new dot goes out.

        A verdict has waited too long, since the database is slow or away, or several are refused. Those that
        wait for somebody's lock say nothing of that.
        """
        if len(self._refusals) >= REFUSALS:
            return True
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
                await asyncio.sleep(max(0.0, began + self._pace() - asyncio.get_running_loop().time()))
            self.moves_by = math.inf

    def _pace(self) -> float:
        """Return how far apart two batches begin: farther where more verdicts may still join the next one."""
        waiting = self._waiting
        is_full = len(waiting) >= MOST or (len(waiting) > 1 and waiting[0][0] is not waiting[-1][0])
        return JOURNALED_PACE if self._journal.is_written and not is_full else PACE

    async def drained(self) -> None:
        """Wait until everything that was put is written, or was refused again: the backlog keeps that."""
        self._wake_resting()
        await self._empty.wait()

    async def _write(self, lease: Lease, batch: list[Settlement], *, again: bool) -> None:
        """Write a batch; `again` says that this may be the second time, if only the answer was lost."""
        try:
            recorded = await self._record(lease, batch, again=again)
        except REFUSAL as error:
            if len(batch) == 1:
                await self._write_plain(lease, batch[0], error)
                return
            if not again:
                # Nothing more is sent until it is known how many are refused.
                self._oldest = -math.inf
            # Find the verdicts that the database refuses, and write the others.
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                await self._write(lease, half, again=True)
        else:
            self._take_note(lease, batch, recorded)

    async def _write_plain(self, lease: Lease, settlement: Settlement, refusal: Exception) -> None:
        """Write in plain words what the database refuses; where it refuses that, too, let it rest."""
        plain = _plain(settlement)
        if plain == settlement:
            self._let_rest(lease, settlement, refusal)
            return
        try:
            recorded = await self._record(lease, [plain], again=True)
        except REFUSAL as error:
            self._let_rest(lease, settlement, error)
        else:
            self._take_note(lease, [settlement], recorded)

    async def _record(self, lease: Lease, batch: list[Settlement], *, again: bool) -> Recorded:
        """Record a batch, trying until the database takes it or refuses it."""
        failures = 0
        while True:
            self.moves_by = asyncio.get_running_loop().time()
            careful = self.moves_by < self._careful_until
            try:
                return await self._threads.run(
                    self._record_once, lease.id, batch, again=again or careful or failures > 0
                )
            except REFUSAL:
                raise
            except Exception as error:  # noqa: BLE001 - whatever fails, a driver or we: no verdict is dropped for it
                # The write repeats its precondition: trying again does no harm.
                events.record_failed(error, len(batch))
                failures += 1
                await asyncio.sleep(backoff(failures, random.random()))  # noqa: S311 - jitter

    def _record_once(self, session: UUID, batch: list[Settlement], *, again: bool) -> Recorded:
        return self._queue.record(session, batch, doubt_pause=self._doubt_pause, again=again)

    def _take_note(self, lease: Lease, batch: list[Settlement], recorded: Recorded) -> None:
        """Take note of what became of a batch."""
        if recorded.late or recorded.dropped:
            events.late_verdicts(recorded.late, recorded.dropped)
        if recorded.busy:
            self._put_off(lease, [one for one in batch if one.delivery_id in recorded.busy])
        done = [one for one in batch if one.delivery_id not in recorded.busy]
        for settlement in done:
            self._refusals.pop(settlement.name, None)
            self._tally.settled(settlement)
        self.backlog -= len(done)
        self._look_whether_empty()
        self._journal.known(done)
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

    def _let_rest(self, lease: Lease, settlement: Settlement, error: Exception) -> None:
        """Try this again in a while: the database refuses it, by a rule that a person may change."""
        if not self._resting:
            asyncio.get_running_loop().call_later(REFUSED_PAUSE, self._wake_resting)
        self._resting.append((lease, settlement))
        self._look_whether_empty()
        if settlement.name not in self._refusals:
            self._refusals[settlement.name] = lease, settlement
            answer = settlement.answer
            events.verdict_refused(
                error,
                settlement.delivery_id,
                settlement.move,
                f"{answer.code} {answer.text}" if answer else None,
                sent=_SENT[LATE[settlement.move]],
            )
            self._refused(settlement)

    def _wake_resting(self) -> None:
        """Try again now what was refused."""
        if self._resting:
            events.verdicts_again(len(self._resting), stalled=self.is_stalled())
            now = asyncio.get_running_loop().time()
            self._returned.extend((lease, settlement, now) for lease, settlement in self._resting)
            self._resting.clear()
            self._empty.clear()
            self._arrived.set()

    def _look_whether_empty(self) -> None:
        if self.backlog == len(self._resting):
            self._empty.set()


def _take(waiting: deque[tuple[Lease, Settlement, float]]) -> tuple[Lease, list[Settlement]]:
    """Take the longest run of settlements that belong to one session."""
    lease, settlement, _ = waiting.popleft()
    batch = [settlement]
    while waiting and waiting[0][0] is lease and len(batch) < MOST:
        batch.append(waiting.popleft()[1])
    return lease, batch


def _plain(settlement: Settlement) -> Settlement:
    """Return a settlement whose texts any database can hold: printable ASCII, without the queue id."""
    answer = settlement.answer
    return replace(
        settlement,
        answer=answer and replace(answer, text=ascii(answer.text)[1:-1]),
        detail=settlement.detail and ascii(settlement.detail)[1:-1],
        queue_id=None,
    )
