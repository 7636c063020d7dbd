"""The periodic duties, on a thread of APScheduler: rescue what the lost left, end what is too late, count.

APScheduler counts by the host's clock, which may be wrong or be set; the duties must go on all the same.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.worker.lease import BEAT, VALID, boot_clock
from outbox.worker.report import COUNT_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.store.queue import Queue
    from outbox.store.sessions import Sessions
    from outbox.worker.heartbeat import Heartbeat

EXPIRE_EVERY = 10.0
"""Seconds between two looks for mail that is too late; a claim refuses it in any case."""

_STEP = 1.0
"""Seconds by which the host's clock has been set, and not only corrected on its way."""


class Every(BaseTrigger):  # type: ignore[misc] # it has no types
    """Due so many seconds from now, whenever that is asked.

    APScheduler's own trigger would count up all runs since a clock that began in 1970 was set.
    """

    def __init__(self, seconds: float) -> None:
        self._pause = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:  # noqa: ARG002 - see above
        """Return when the duty runs next."""
        return now + self._pause


class _Scheduler(BackgroundScheduler):  # type: ignore[misc] # it has no types
    """Keeps what has ended its thread, which nobody would hear of: a duty that fails does not."""

    failure: Exception | None = None

    def _main_loop(self) -> None:
        try:
            super()._main_loop()
        except Exception as error:  # noqa: BLE001 - whoever minds the clock raises it
            self.failure = error


class Duties:
    """The duties of one daemon; `found` is called, on a duty's thread, when mail is back in the queue.

    `count` counts what is queued, where somebody wants to know.
    """

    def __init__(
        self,
        queue: Queue,
        sessions: Sessions,
        heartbeat: Heartbeat,
        ttl: float,
        found: Callable[[], None],
        count: Callable[[], None] | None = None,
    ) -> None:
        self._queue = queue
        self._sessions = sessions
        self._heartbeat = heartbeat
        self._ttl = ttl
        self._found = found
        self._ahead = _ahead()
        # Missed runs are made up by one; a duty never runs beside itself or another: that is one connection.
        self._scheduler = _Scheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self._guarded, Every(ttl * BEAT), [self.rescue], id="rescue")
        self._scheduler.add_job(self._guarded, Every(EXPIRE_EVERY), [self.expire], id="expire")
        if count is not None:
            first = datetime.now(UTC)
            self._scheduler.add_job(
                self._guarded, Every(COUNT_EVERY), [count], id="count", next_run_time=first
            )

    def start(self) -> None:
        """Begin the duties."""
        self._scheduler.start()

    def mind_the_clock(self) -> None:
        """Plan anew where the host's clock was set: set back, it would take hours to come to the old plan.

        Raises what has ended the thread that keeps to it.
        """
        if self._scheduler.failure is not None:
            raise self._scheduler.failure
        before, self._ahead = self._ahead, _ahead()
        if abs(self._ahead - before) > _STEP:
            for job in self._scheduler.get_jobs():
                job.reschedule(job.trigger)

    def stop(self) -> None:
        """End the duties, and wait for those under way."""
        self._scheduler.shutdown(wait=True)

    def rescue(self) -> None:
        """Declare silent sessions lost, and take what lost and stopped ones still hold."""
        lost = 0
        if self._heartbeat.is_unbroken():
            lost = self._sessions.declare_lost(self._heartbeat.lease.id, self._ttl * VALID)
        rescued = self._queue.rescue(pause=self._ttl)
        if lost or rescued:
            events.rescued(lost, rescued)
        if rescued:
            self._found()

    def expire(self) -> None:
        """End waiting mail whose `expires_at` has passed."""
        expired = self._queue.expire()
        if expired:
            events.expired(expired)

    def _guarded(self, duty: Callable[[], None]) -> None:
        try:
            duty()
        except SQLAlchemyError as error:
            events.duty_failed(error)


def _ahead() -> float:
    """Return how far the host's clock is ahead of a steady one, in seconds."""
    return time.time() - boot_clock()
