"""The periodic duties, by APScheduler: rescue what the lost left, end what is too late, delete what is old.

APScheduler counts by the host's clock, which may be wrong or be set; the duties must go on all the same. And
it begins no job again while that hangs. So each duty has a thread of its own, and one that hangs stops no
other. A statement without an answer ends by itself (`store/deadline.py`); what is at work for too long all
the same is told.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
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
    from outbox.worker.housekeeping import Housekeeping

EXPIRE_EVERY = 10.0
"""Seconds between two looks for mail that is too late; a claim refuses it in any case."""

KEEP_HOUSE_EVERY = 60.0
"""Seconds between two looks for what may be erased or deleted."""

PRUNE_EVERY = 3600.0
"""Seconds between two looks for the rows of sessions that ended long ago."""

HANGS = 300.0
"""Seconds after which a duty that has not ended is told of."""

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


@dataclass(slots=True)
class _Duty:
    """One duty: how often it is due, what it does, and since when it is at work, by the steady clock."""

    every: float
    work: Callable[[], None]
    began: float | None = None
    told: bool = False


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
        housekeeping: Housekeeping,
        count: Callable[[], None] | None = None,
    ) -> None:
        self._queue = queue
        self._sessions = sessions
        self._heartbeat = heartbeat
        self._ttl = ttl
        self._found = found
        self._housekeeping = housekeeping
        self._ahead = _ahead()
        self._duties = {
            "rescue": _Duty(ttl * BEAT, self.rescue),
            "expire": _Duty(EXPIRE_EVERY, self.expire),
            "erase": _Duty(KEEP_HOUSE_EVERY, housekeeping.erase),
            "delete": _Duty(KEEP_HOUSE_EVERY, housekeeping.delete),
            "prune": _Duty(PRUNE_EVERY, housekeeping.prune),
        }
        if count is not None:
            self._duties["count"] = _Duty(COUNT_EVERY, count)
        # Missed runs are made up by one, and a duty never runs beside itself: each has one connection.
        self._scheduler = _Scheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(1) for name in self._duties},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for name, duty in self._duties.items():
            self._scheduler.add_job(self._guarded, Every(duty.every), [duty], id=name, executor=name)
        if count is not None:
            # Nobody likes to look at a line without it until then.
            self._scheduler.modify_job("count", next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Begin the duties."""
        self._scheduler.start()

    def mind(self) -> None:
        """Look after the clock, and after each duty; raises what has ended the thread that begins them."""
        self.mind_the_clock()
        self.mind_the_duties()

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

    def mind_the_duties(self) -> None:
        """Tell, once, of each duty that is at work for too long."""
        for name, duty in self._duties.items():
            began = duty.began
            if began is not None and not duty.told and (wait := boot_clock() - began) > HANGS:
                duty.told = True
                events.duty_hangs(name, wait)

    def stop(self) -> None:
        """End the duties, and wait for those under way; what old mail is left is for the next daemon."""
        self._housekeeping.stop()
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

    def _guarded(self, duty: _Duty) -> None:
        duty.told, duty.began = False, boot_clock()
        try:
            duty.work()
        except SQLAlchemyError as error:
            events.duty_failed(error)
        finally:
            duty.began = None


def _ahead() -> float:
    """Return how far the host's clock is ahead of a steady one, in seconds."""
    return time.time() - boot_clock()
