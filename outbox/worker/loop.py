"""The daemon: let each desk claim what is due and send it, have the verdicts written, wait, repeat.

SMTP runs on the event loop, the database in threads, and they meet here only. This loop owns the one wait
of the program: until a sender needs more, a relay may be tried again, or the poll interval is over.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.errors import EnvironmentMismatchError, UnwrittenVerdictsError
from outbox.mail.route import Routes
from outbox.mail.share import Shares
from outbox.store.breakers import Shared
from outbox.store.database import UnmetServerError
from outbox.store.history import History
from outbox.store.lanes import Lanes
from outbox.store.queue import Queue
from outbox.store.remains import Remains
from outbox.store.schema import SessionState
from outbox.store.sessions import Sessions
from outbox.worker.aftermath import Aftermath
from outbox.worker.budget import Budget
from outbox.worker.clearance import Clearance
from outbox.worker.desk import Desk
from outbox.worker.desks import Desks
from outbox.worker.duties import Duties
from outbox.worker.heartbeat import Heartbeat
from outbox.worker.holdings import Holdings
from outbox.worker.housekeeping import Housekeeping
from outbox.worker.journaling import Journaling
from outbox.worker.lookout import Lookout
from outbox.worker.parts import first_end
from outbox.worker.past import Known, Past
from outbox.worker.permit import Permit
from outbox.worker.recorder import Recorder
from outbox.worker.replay import Replay
from outbox.worker.report import Report
from outbox.worker.stop import Stop
from outbox.worker.tally import Tally
from outbox.worker.threads import Threads, on_the_loop
from outbox.worker.vitals import Vitals
from outbox.worker.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outbox.mail.status import Settlement
    from outbox.store.database import Database
    from outbox.store.permission import Permission
    from outbox.worker.lease import Lease
    from outbox.worker.notify import Notifier
    from outbox.worker.options import Options


class Daemon:
    """One run of the daemon, for one database: what its desks share, and their turns."""

    def __init__(self, database: Database, options: Options, notifier: Notifier, known: Known = ()) -> None:
        self._ttl = options.lease_ttl
        self._notifier = notifier
        self._database = database.shown
        first, *_ = names = [relay.name for relay in options.relays]
        unnamed = (first,) if options.serves_unnamed else ()
        routes = Routes(options.streams, names, unnamed, lambda relay: self._desks.is_open(relay))  # noqa: PLW0108 - made below
        lanes = Lanes(ours=routes.concerns)
        self._queue = Queue(database, lanes)
        self._sessions = Sessions(database)
        self._house = Housekeeping(database, self._sessions, options.keep, lambda: self._heartbeat.lease.id)
        tally = self._tally = Tally()
        journal = self._journal = Journaling(options.state_dir, first)
        remains = Remains(database)
        aftermath = Aftermath(self._queue, remains, options)
        replay = self._replay = Replay(History(database), remains, aftermath)
        threads = self._threads = Threads()
        self._wake = asyncio.Event()
        self._desks = Desks(routes, self._wake.set)
        self.stop = Stop(self._wake.set)
        self._permit = Permit(database, threads, options.environment, self._heard, lambda: replay.answered)
        self._recorder = Recorder(
            self._queue, threads, tally, journal, options.policy.doubt_pause, self._written, self._refused
        )
        self._holdings = Holdings(self._queue, threads, self._desks.wake)
        holdings = self._holdings
        self._lookout = Lookout(self._permit, replay, journal, holdings, threads, self._desks, self._lease)
        self._past = Past(journal, replay, aftermath, remains, holdings, threads, known)
        self._report = Report(database, self._desks, self.stop)
        self._heartbeat: Heartbeat
        clearance = Clearance(self._lease, self._recorder, self._permit, self.stop, holdings)
        budget = Budget(len(names))
        for relay in options.relays:
            shares = Shares(options.streams, partial(routes.serves, relay.name))
            desk = Desk(
                relay,
                options,
                Queue(database, lanes, shares, options.storm),
                database,
                threads,
                self._recorder,
                journal,
                clearance,
                holdings,
                budget,
                tally,
                self._desks.of_doubt,
                partial(self._desks.wake, relay.name),
            )
            self._desks.add(desk)
        self.vitals = Vitals(tally, self._desks, self._permit, journal, self._recorder, self.stop)
        self._fault: Exception | None = None
        self.moves_by = math.inf

    @property
    def known(self) -> Known:
        """The verdicts that the database refuses, for the daemon that follows in this process."""
        return [*self._past.known, *self._recorder.refused]

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
        if (duties := await Watch(self._notifier, {}, self._report.start).during(self._begin())) is None:
            if self.known:
                raise UnwrittenVerdictsError(len(self.known))
            return
        parts = self.vitals.parts
        watch = Watch(self._notifier, parts, self._report.line, duties.mind)
        parts |= {"loop": self, "heartbeat": self._heartbeat, "recorder": self._recorder, "event loop": watch}
        watching = asyncio.create_task(watch.run())
        recording = asyncio.create_task(self._recorder.run())
        self._desks.begin()
        failure = None
        while not self.stop.draining and failure is None:
            self._moves()
            await self._rest(await self._turn())
            failure = self._failure([recording, watching, *self._desks.tasks])
        self.moves_by = math.inf
        await self._drain(recording)
        await self._end(duties)
        self._desks.end()
        for task in (recording, watching):
            task.cancel()
        if failure is not None:
            raise failure
        if self._recorder.backlog:
            raise UnwrittenVerdictsError(self._recorder.backlog)

    async def _turn(self) -> float:
        """Do what is to be done now; return the seconds to wait before the next turn."""
        try:
            wait = await self._look()
        except SQLAlchemyError as error:
            # It may be another server now, which has not got all that the last one had.
            self._permit.doubt()
            return self._report.failed(error)
        except Exception as error:  # noqa: BLE001 - raised when what has begun is finished
            self._fault = error
            return 0.0
        self._report.succeeded()
        if not self.vitals.has_looked:
            self._notifier.ready()
        return wait

    async def _look(self) -> float:
        """Learn what may be sent, and let each desk look for work; return the wait."""
        await self._lookout.look(lambda: setattr(self, "moves_by", math.inf))
        return await self._desks.look(self._lease, self._permit.paused, self._moves)

    def _moves(self) -> None:
        self.moves_by = asyncio.get_running_loop().time()

    def _heard(self, found: Permission, began: float) -> None:
        """Let each desk know what all daemons know of its relay."""
        for desk in self._desks:
            name = desk.relay.name
            desk.hear(found.breakers.get(name, Shared()), found.paces.get(name), began)

    def _written(self, settlements: Sequence[Settlement]) -> None:
        self._holdings.written(settlements)
        self._desks.ended()

    def _refused(self, settlement: Settlement) -> None:
        """Wait no more for what the database refuses."""
        self._holdings.refused(settlement)
        self._desks.ended()

    def _drop(self, lease: Lease) -> None:
        self._holdings.drop_refused()
        self._desks.drop(lease)

    async def _rest(self, wait: float) -> None:
        self.vitals.turned(reaches_database=not self._report.failures)
        if wait > 0:
            self.moves_by = asyncio.get_running_loop().time() + wait
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            # Time alone may have made room: the breaker lets one in, the recorder has caught up.
            for desk in self._desks:
                desk.stir()
        self._wake.clear()

    async def _begin(self) -> Duties | None:
        """Begin a session, and what works beside the loop; None where it was told to stop before."""
        await self._threads.run(self._journal.open)
        while not await self._has_session():
            if self.stop.draining:
                return None
        self._journal.begin(self._heartbeat.lease.id)
        self._heartbeat.start()
        wake = on_the_loop(self._desks.wake)
        count = self._report.count if self._notifier.listens else None
        duties = Duties(self._queue, self._sessions, self._heartbeat, self._ttl, wake, self._house, count)
        duties.start()
        for desk in self._desks:
            events.daemon_started(self._heartbeat.lease.id, self._database, desk.relay.host, desk.relay.port)
        return duties

    async def _has_session(self) -> bool:
        """Settle the past and begin a session; where the database fails meanwhile, wait and return False."""
        try:
            await self._past.settle()
            lost, answered = on_the_loop(self._drop), lambda: self._replay.answered
            self._heartbeat = await self._threads.run(
                Heartbeat, self._sessions, self._ttl, self._tally.totals, lost, answered, self._replay.counted
            )
            await self._past.pass_on(self._heartbeat.lease, self._recorder)
        except SQLAlchemyError as error:
            await self._rest(self._report.failed(error))
            return False
        return True

    def _lease(self) -> Lease:
        return self._heartbeat.lease

    async def _drain(self, recording: asyncio.Task[None]) -> None:
        """Finish what has begun, give back the rest; the session beats until the last verdict is written."""
        if not self.stop.hands_over:
            self._notifier.stopping()
        events.daemon_draining(sum(desk.carrying for desk in self._desks), reloads=self.stop.hands_over)
        await self._patiently(self._heartbeat.enter, SessionState.STOPPING)
        self._desks.close()
        senders = [sender for desk in self._desks for sender in desk.senders]
        await self.stop.wait(*senders, grace=0)
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        written = asyncio.create_task(self._recorder.drained())
        # A recorder that has failed will never be done.
        recording.add_done_callback(lambda _: written.cancel())
        await self.stop.wait(written)

    async def _end(self, duties: Duties) -> None:
        await self.stop.wait(asyncio.ensure_future(self._let_go()))
        await self._patiently(duties.stop)
        await self._patiently(self._heartbeat.stop)
        if self._recorder.backlog:
            # Not stopped in order: others may take what is left only after the TTL.
            if not self.stop.hands_over:
                events.verdicts_left(self._recorder.backlog)
        else:
            await self._patiently(self._heartbeat.enter, SessionState.STOPPED)
        events.daemon_stopped(**asdict(self._tally.totals))

    async def _let_go(self) -> None:
        with suppress(SQLAlchemyError, EnvironmentMismatchError):
            if self._fault is None:  # a failover may have lost what was sent: others wait until we end
                await self._lookout.look(anew=True)
            # Over a new connection: whoever has looked what its server knows rescues what is left.
            with suppress(UnmetServerError):
                await self._holdings.release_unknown(self._heartbeat.lease)
            if not isinstance(self._fault, EnvironmentMismatchError):
                await self._desks.leave(self._heartbeat.lease)

    async def _patiently(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run `work` in a thread and wait for it, but not for long once told to leave."""
        await self.stop.wait(asyncio.ensure_future(self._threads.run(work, *arguments)))

    def _failure(self, tasks: Iterable[asyncio.Task[None]]) -> BaseException | None:
        """Return what has ended a part of this daemon: one that has lost a part must not look alive."""
        return self._fault or self._heartbeat.failure or first_end(tasks)
