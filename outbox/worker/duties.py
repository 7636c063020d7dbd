"""The periodic duties, on APScheduler's own threads: rescue what the lost left, end what is too late."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.worker.lease import BEAT, VALID

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.store.queue import Queue
    from outbox.store.sessions import Sessions
    from outbox.worker.heartbeat import Heartbeat

EXPIRE_EVERY = 10.0
"""Seconds between two looks for mail that is too late; a claim refuses it in any case."""


class Duties:
    """The duties of one daemon; `found` is called, on a duty's thread, when mail is back in the queue."""

    def __init__(
        self, queue: Queue, sessions: Sessions, heartbeat: Heartbeat, ttl: float, found: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._sessions = sessions
        self._heartbeat = heartbeat
        self._ttl = ttl
        self._found = found
        # Missed runs are made up by one; a duty never runs beside itself.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self._guarded, "interval", [self.rescue], seconds=ttl * BEAT, id="rescue")
        self._scheduler.add_job(self._guarded, "interval", [self.expire], seconds=EXPIRE_EVERY, id="expire")

    def start(self) -> None:
        """Begin the duties."""
        self._scheduler.start()

    def stop(self) -> None:
        """End the duties, and wait for those under way."""
        self._scheduler.shutdown(wait=True)

    def rescue(self) -> None:
        """Declare silent sessions lost, and take what lost and stopped ones still hold."""
        lost = 0
        if self._heartbeat.is_unbroken():
            lost = self._sessions.declare_lost(self._heartbeat.lease.id, self._ttl * VALID)
        rescued = self._queue.rescue()
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
