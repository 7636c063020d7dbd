"""A recorder to try on the virtual clock, and the queue that it writes to."""

import asyncio
from typing import Any, Self
from uuid import UUID

from sqlalchemy.exc import OperationalError

from outbox.mail.status import Settlement
from outbox.store.verdicts import Recorded
from outbox.worker.journaling import Journaling
from outbox.worker.recorder import Recorder
from outbox.worker.tally import Tally
from tests.unit.worker.held import NoThreads


class Queue:
    """Notes what it is told to write, and fails as often and by whatever it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.batches: list[tuple[UUID, list[int]]] = []
        self.times: list[float] = []
        self.failures = failures
        self.failure: Exception = OperationalError("UPDATE", {}, Exception("gone away"))
        self.agains: list[bool] = []
        self.answer = Recorded(0, 0, 0)

    def record(
        self, holder: UUID, settlements: list[Settlement], *, doubt_pause: float, again: bool
    ) -> Recorded:
        assert doubt_pause == 600.0
        self.agains.append(again)
        self.times.append(asyncio.get_running_loop().time())
        if self.failures:
            self.failures -= 1
            raise self.failure
        self.batches.append((holder, [one.delivery_id for one in settlements]))
        return self.answer


class Scene:
    """A recorder on a queue, and what it has told."""

    def __init__(self, queue: Queue, journal: Journaling | None = None) -> None:
        self.queue = queue
        taken: Any = queue
        tally = Tally()
        self.totals = tally.totals
        self.written: list[list[int]] = []
        self.refused: list[int] = []
        threads: Any = NoThreads()
        self.recorder = Recorder(
            taken,
            threads,
            tally,
            journal or Journaling(None, "mx"),
            600.0,
            lambda batch: self.written.append([one.delivery_id for one in batch]),
            lambda one: self.refused.append(one.delivery_id),
        )

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.recorder.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
