"""The daemon: claim what is due, let the senders send it, have the verdicts written, wait, repeat.

SMTP runs on the event loop, the database in threads, and they meet here only. This loop owns the one wait
of the program: until a sender needs more, the relay may be tried again, or the poll interval is over.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.delivery.breaker import Breaker
from outbox.delivery.dialler import Dialler
from outbox.delivery.limits import Limits
from outbox.errors import EnvironmentMismatchError, UnwrittenVerdictsError
from outbox.mail.share import Shares
from outbox.store.gates import Gates
from outbox.store.history import History
from outbox.store.queue import Queue
from outbox.store.remains import Remains
from outbox.store.schema import SessionState
from outbox.store.sessions import Sessions, Totals
from outbox.worker.aftermath import Aftermath
from outbox.worker.backoff import backoff
from outbox.worker.duties import Duties
from outbox.worker.heartbeat import Heartbeat
from outbox.worker.journaling import Journaling
from outbox.worker.lease import boot_clock
from outbox.worker.memory import Memory
from outbox.worker.outcome import Outcome
from outbox.worker.pace import Pace
from outbox.worker.permit import Permit
from outbox.worker.recorder import Recorder
from outbox.worker.replay import Replay
from outbox.worker.sender import Sender
from outbox.worker.stop import Stop
from outbox.worker.supply import Supply
from outbox.worker.threads import Threads
from outbox.worker.tray import Tray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outbox.mail.status import Settlement
    from outbox.store.database import Database
    from outbox.worker.lease import Lease
    from outbox.worker.notify import Notifier
    from outbox.worker.options import Options
    from outbox.worker.parcel import Parcel


class Daemon:
    """One run of the daemon, for one database and one relay."""

    def __init__(self, database: Database, options: Options, notifier: Notifier) -> None:
        self._relay = options.relay
        self._connections = options.connections
        self._poll_interval = options.poll_interval
        self._ttl = options.lease_ttl
        self._notifier = notifier
        self._database = database.shown
        self._queue = Queue(database, shares=Shares(options.streams, options.relay_name), storm=options.storm)
        self._sessions = Sessions(database)
        self._totals = Totals()
        self._journal = Journaling(options.state_dir, options.relay.name)
        remains = Remains(database)
        self._aftermath = Aftermath(self._queue, remains, options)
        self._replay = Replay(History(database), remains, self._aftermath)
        self._threads = Threads()
        self._wake = asyncio.Event()
        self._permit = Permit(database, self._threads, options.relay.name, options.environment)
        self._foreign: EnvironmentMismatchError | None = None
        self._breaker = Breaker(options.connections)
        self._pace = Pace(options.connections)
        self._tray = Tray(self._width, self._wake.set)
        limits = Limits(options.relay.pipelining)
        self._memory = Memory(options.relay.name, limits, Gates(database), self._threads)
        self._dialler = Dialler(options.relay, limits=limits, slow=self._memory.waits)
        self._supply = Supply(
            self._queue, self._threads, self._tray, lambda: limits.recipients, options.diversion, options.sign
        )
        self._recorder = Recorder(
            self._queue,
            self._threads,
            self._totals,
            options.policy.doubt_pause,
            lambda settlements: self._outcome.written(settlements),  # noqa: PLW0108 - it is made below
            lambda settlement: self._outcome.refused(settlement),  # noqa: PLW0108 - it is made below
        )
        self._outcome = Outcome(
            self._relay.name,
            options.policy,
            self._pace,
            self._breaker,
            self._memory,
            self._tray,
            self._supply,
            self._recorder,
            self._journal,
            self._wake.set,
        )
        self._heartbeat: Heartbeat
        self._idle = False
        self._failures = 0
        self.stop = Stop(self._wake.set)

    async def run(self) -> None:
        """Work until told to stop, then finish what has begun.

        Raises what ended a part of the daemon, after the others have finished, and UnwrittenVerdictsError
        when it was told to leave before all that it knows was written.
        """
        try:
            await self._work()
        finally:
            self._journal.close()
            self._threads.close()

    async def _work(self) -> None:
        duties = await self._begin()
        watching = asyncio.create_task(duties.watch(self._notifier.watchdog))
        remembering = asyncio.create_task(self._memory.run())
        recording = asyncio.create_task(self._recorder.run())
        senders = [asyncio.create_task(self._sender().run()) for _ in range(self._connections)]
        failure = None
        while not self.stop.draining and failure is None:
            await self._rest(await self._turn())
            failure = self._failure([recording, remembering, watching, *senders])
        await self._drain(senders, recording)
        await self._end(duties)
        for task in (recording, remembering, watching):
            task.cancel()
        if failure is not None:
            raise failure
        if self._recorder.backlog:
            raise UnwrittenVerdictsError(self._recorder.backlog)

    async def _turn(self) -> float:
        """Do what is to be done now; return the seconds to wait before the next turn."""
        try:
            wait = await self._look()
        except EnvironmentMismatchError as error:
            self._foreign = error
            return 0.0
        except SQLAlchemyError as error:
            self._failures += 1
            # It may be another server now, which has not got all that the last one had.
            self._permit.doubt()
            wait = backoff(self._failures, random.random())  # noqa: S311 - jitter
            events.database_unavailable(error, wait)
            return wait
        if self._failures:
            self._failures = 0
            events.database_back()
        self._notifier.ready()
        return wait

    async def _look(self) -> float:
        """Load bodies of what is claimed, or claim more, where there is room; return the wait."""
        if wanted := self._tray.wanted:
            await self._supply.announce(wanted)
        now = self._now()
        if self._permit.must_look(now):
            await self._look_around(now)
        if self._supply.can_load:
            await self._supply.load()
            return 0.0
        room = self._room(now)
        if not room:
            return min(self._poll_interval, self._breaker.wait(now) or self._poll_interval)
        # An idle daemon only reads; but what it has claimed without knowing is due no more, and would wait.
        if self._idle and not self._supply.must_sweep(now) and not await self._has_due(room):
            return self._poll_interval
        lease = self._heartbeat.lease
        if not lease.is_valid(boot_clock()):
            return self._poll_interval
        claimed, kept = await self._supply.claim(lease, room, now, self._permit.paused)
        self._outcome.keep(lease, kept)
        self._idle = not claimed
        return self._poll_interval if self._idle else 0.0

    async def _look_around(self, now: float) -> None:
        """Learn what may be sent, and whether the database still knows what it knew."""
        if await self._permit.look(now):
            self._obey()
        me, ended = self._heartbeat.lease.id, list(self._journal.ended)
        if await self._threads.run(self._replay.look, me, ended, self._permit.epoch, self._journal.folder):
            self._journal.turn(self._replay.database, self._replay.answered)
            # Others may have to do the same first.
            if await self._permit.look(now):
                self._obey()

    async def _has_due(self, room: int) -> bool:
        return await self._threads.run(
            self._queue.has_due,
            retries=self._supply.retries_room(room),
            alone=not self._supply.holds_alone,
            paused=self._permit.paused,
        )

    def _obey(self) -> None:
        """Give back what must not be sent any more."""
        events.permitted(self._permit.summary())
        self._outcome.release_waiting("paused", lambda parcel: bool(self._permit.forbids(parcel.stream)))
        self._tray.stir()

    def _room(self, now: float) -> int:
        """Return how many deliveries to claim: none while nothing may be sent, or enough is in hand."""
        if not self._width():
            return 0
        if self._breaker.is_open:
            # The probe: one mail, when there is none in hand that could be it.
            return 0 if self._tray.busy or self._supply.waiting else 1
        size = self._pace.claim_size(now)
        return size if self._supply.has_room(size) else 0

    def _width(self) -> int:
        """Return how many senders may work at once."""
        if self._recorder.is_stalled() or not self._heartbeat.lease.is_valid(boot_clock()):
            return 0
        if self._permit.forbids_all():
            return 0
        return self._breaker.width(self._now())

    def _may_dot(self, parcel: Parcel) -> str | None:
        """Return why the dot of `parcel` must not go out now, or None: the last-moment check."""
        if self._recorder.is_stalled():
            return "verdicts cannot be stored"
        return "the daemon was told to leave" if self.stop.leaving else self._forbidden(parcel)

    def _forbidden(self, parcel: Parcel) -> str | None:
        """Return why `parcel` must not be sent any more, or None."""
        over = None if parcel.lease.is_valid(boot_clock()) else "the lease of this session is over"
        return over or self._permit.forbids(parcel.stream)

    async def _rest(self, wait: float) -> None:
        if wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            # Time alone may have made room: the breaker lets one in, the recorder has caught up.
            self._tray.stir()
        self._wake.clear()

    async def _begin(self) -> Duties:
        loop = asyncio.get_running_loop()

        def soon(callback: Any, *arguments: Any) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it all that the call was for
                loop.call_soon_threadsafe(callback, *arguments)

        # Before anything is claimed: what earlier runs of this host have left.
        for gone, settlements in await self._threads.run(self._settle_the_past):
            self._recorder.put(gone, settlements)
        self._journal.turn(self._replay.database, self._replay.answered)
        self._heartbeat = await self._threads.run(
            Heartbeat,
            self._sessions,
            self._ttl,
            self._totals,
            lambda lease: soon(self._supply.drop, lease),
            lambda: self._replay.answered,
        )
        self._journal.begin(self._heartbeat.lease.id)
        self._heartbeat.start()
        duties = Duties(self._queue, self._sessions, self._heartbeat, self._ttl, lambda: soon(self._wake.set))
        duties.start()
        lease = self._heartbeat.lease
        events.daemon_started(lease.id, self._database, self._relay.host, self._relay.port)
        return duties

    def _settle_the_past(self) -> list[tuple[Lease, list[Settlement]]]:
        folder = self._journal.open()
        self._replay.begin(folder)
        return self._aftermath.settle(folder, self._replay.database)

    def _sender(self) -> Sender:
        outcome = self._outcome
        return Sender(
            self._dialler,
            self._tray,
            self._journal,
            lambda parcel: outcome.may_begin(parcel, self._forbidden(parcel)),
            self._may_dot,
            outcome.deliver,
            outcome.fault,
        )

    async def _drain(self, senders: list[asyncio.Task[None]], recording: asyncio.Task[None]) -> None:
        """Finish what has begun, give back the rest; the session beats until the last verdict is written."""
        self._notifier.stopping()
        events.daemon_draining(self._tray.carrying)
        await self._patiently(self._heartbeat.enter, SessionState.STOPPING)
        self._outcome.release_waiting("the daemon stops")
        self._tray.close()
        await self.stop.wait(*senders, grace=0)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        written = asyncio.create_task(self._recorder.drained())
        # A recorder that has failed will never be done.
        recording.add_done_callback(lambda _: written.cancel())
        await self.stop.wait(written)

    async def _end(self, duties: Duties) -> None:
        await self.stop.wait(asyncio.ensure_future(self._release_unknown()))
        await self._patiently(duties.stop)
        await self._patiently(self._heartbeat.stop)
        if self._recorder.backlog:
            # Not stopped in order: others may take what is left only after the TTL.
            events.verdicts_left(self._recorder.backlog)
        else:
            await self._patiently(self._heartbeat.enter, SessionState.STOPPED)
        events.daemon_stopped(self._totals.sent, self._totals.failed, self._totals.deferred)

    async def _release_unknown(self) -> None:
        with suppress(SQLAlchemyError):
            await self._supply.release_unknown(self._heartbeat.lease)

    async def _patiently(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run `work` in a thread and wait for it, but not for long once told to leave."""
        await self.stop.wait(asyncio.ensure_future(self._threads.run(work, *arguments)))

    def _failure(self, tasks: Iterable[asyncio.Task[None]]) -> BaseException | None:
        """Return what has ended a part of this daemon: one that has lost a part must not look alive."""
        ended = (task.exception() for task in tasks if task.done() and not task.cancelled())
        failure = self._foreign or self._heartbeat.failure
        return failure or next((error for error in ended if error), None)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
