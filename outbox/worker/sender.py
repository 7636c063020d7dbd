"""One connection's life: take parcels, have them carried, hand the verdicts on, keep the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from outbox import events
from outbox.delivery.mail import Envelope, Mail
from outbox.mail.verdict import Deferred, Rejected, RelayFault, Untouched, Verdict
from outbox.smtp.stage import Stage
from outbox.worker.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.delivery.connection import Connection
    from outbox.delivery.dialler import Dialler
    from outbox.store.bodies import Message
    from outbox.worker.journaling import Journaling
    from outbox.worker.parcel import Parcel
    from outbox.worker.tray import Tray

LONGEST_REST = 5.0
"""Seconds that one sender rests, at most, after relay faults that only it has met."""

QUIET = 10.0
"""Seconds of silence after which a connection is asked whether it is still there."""

_NO_MESSAGE = (
    "no message has the id that this delivery names. "
    "Write an id as a UUID on PostgreSQL, as 32 lower-case hex digits on MariaDB and SQLite."
)
_MOST_TRIES = 2
"""Times that a mail which a connection left untouched goes at once over another, before it goes back."""


class Sender:
    """Sends parcels one after the other over one connection at a time, and says each step to the `journal`.

    `may_begin` settles what is too late and tells whether any recipient is left. `may_dot` is the
    last-moment check: the reason why a parcel's dot must not go out now, or None. `deliver` takes a
    parcel and its verdicts, in the order of its claims; `met` takes the fault that kept us from connecting.
    """

    def __init__(
        self,
        dialler: Dialler,
        tray: Tray,
        journal: Journaling,
        may_begin: Callable[[Parcel], bool],
        may_dot: Callable[[Parcel], str | None],
        deliver: Callable[[Parcel, Sequence[Verdict]], None],
        met: Callable[[RelayFault], None],
    ) -> None:
        self._dialler = dialler
        self._tray = tray
        self._journal = journal
        self._may_begin = may_begin
        self._may_dot = may_dot
        self._deliver = deliver
        self._met = met
        self._patience = Patience(tray)
        self._connection: Connection | None = None
        # Parcels that a connection left untouched: they go at once over a fresh one.
        self._again: deque[Parcel] = deque()
        self._faults = 0
        self._is_late = False
        # By the loop's clock; a sender is woken for many reasons, and most find no work for it.
        self._idle_until = 0.0
        self._quiet_at = 0.0

    async def run(self) -> None:
        """Send until the tray is closed, then finish what has begun and give back the rest."""
        try:
            while not self._tray.closed:
                # What must not go any more is given back, also while nobody may work.
                self._again = deque(parcel for parcel in self._again if self._may_begin(parcel))
                connected = self._connection is not None and self._connection.usable
                if not self._tray.enter(returning=bool(self._again), connected=connected):
                    await self._wait()
                    continue
                try:
                    await self._work()
                finally:
                    self._tray.leave()
                    self._idle_until = self._now() + self._dialler.relay.pool.idle
                    self._quiet_at = self._now() + QUIET
                if self._faults:
                    # The others may go on; this one must not knock at a closed door in a loop.
                    await self._tray.rest(min(2.0 ** (self._faults - 1), LONGEST_REST))
            await self._hang_up()
        finally:
            self._give_back()
            if self._connection is not None:
                self._connection.abort()

    async def _wait(self) -> None:
        if self._connection is None:
            await self._tray.changed()
            return
        try:
            async with asyncio.timeout_at(self._idle_until):
                await self._tray.changed(connected=True)
        except TimeoutError:
            await self._hang_up()

    async def _hang_up(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.quit()

    async def _work(self) -> None:
        """Have a connection carry what there is, for as long as it can."""
        try:
            connection = await self._connected()
            if isinstance(connection, RelayFault):
                self._meet(connection)
            elif connection is not None:
                await connection.carry(self._next_mail, self._journal.flush)
                if not (connection.sent or connection.usable):
                    self._meet(connection.fault or self._left_at_once())
        except Exception as error:  # noqa: BLE001 - one mail that we cannot handle must not stop the others
            events.sender_failed(error)
            self._connection = None
            self._count(failed=True)

    def _left_at_once(self) -> RelayFault:
        problem = f"{Stage.IDLE}: the relay spoke unasked, or left, before a mail could begin"
        return RelayFault(Stage.IDLE.value, f"relay {self._dialler.relay.name}: {problem}", None)

    def _meet(self, fault: RelayFault) -> None:
        """Take a fault that no mail met: what is ready waits, until the breaker gives it back."""
        self._count(failed=True)
        self._met(fault)

    async def _connected(self) -> Connection | RelayFault | None:
        if self._connection is not None and not await self._is_alive(self._connection):
            await self._hang_up()
        if self._connection is None:
            dialled = await self._dialled()
            if dialled is None or isinstance(dialled, RelayFault):
                return dialled
            self._connection = dialled
        return self._connection

    async def _is_alive(self, connection: Connection) -> bool:
        """Tell whether a mail may begin on a connection; after a long silence it is asked first.

        One that a firewall has forgotten would let a mail wait for minutes.
        """
        if self._now() < self._quiet_at:
            return connection.usable
        return await connection.responds()

    async def _dialled(self) -> Connection | RelayFault | None:
        """Connect, or return None where that is given up: no mail has begun that must be finished."""
        if self._again:
            return await self._dial()
        self._tray.dial()
        try:
            return await self._dial()
        finally:
            self._tray.arrive(late=self._is_late)
            self._is_late = False

    async def _dial(self) -> Connection | RelayFault | None:
        """Connect until the tray is closed, or the relay hangs and another sender waits for it already."""

        def hangs(fault: RelayFault) -> None:
            self._meet(fault)
            if not self._waits_on():
                dialling.cancel()

        dialling = asyncio.ensure_future(self._dialler.connect(hangs))
        closing = asyncio.ensure_future(self._tray.closing())
        try:
            await asyncio.wait({dialling, closing}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            dialling.add_done_callback(_hang_up_on)
            raise
        finally:
            dialling.cancel()
            closing.cancel()
        return dialling.result() if dialling.done() and not dialling.cancelled() else None

    def _waits_on(self) -> bool:
        """Tell whether this is the one sender that goes on waiting for a relay which hangs: it may be busy.

        Where there is no other sender it stands in the way: what hangs is the one connection that may be.
        """
        if self._again:
            return False
        if self._dialler.relay.pool.connections == 1:
            return True
        self._is_late = self._tray.wait_on()
        return self._is_late

    def _give_back(self) -> None:
        """Return to the queue what no connection has begun."""
        waiting = [*self._again, *self._tray.empty()]
        self._again.clear()
        for parcel in waiting:
            self._deliver(parcel, [Untouched("the daemon stops")] * len(parcel.claims))

    def _next_mail(self) -> Mail | None:
        """Take the next parcel that there is something to send of."""
        while (parcel := self._take()) is not None:
            # Before anything is done with it: it may be what kills this daemon.
            self._journal.begun(parcel, self._dialler.relay.name)
            try:
                mail = self._mail(parcel)
            except Exception as error:  # noqa: BLE001 - one mail that we cannot handle must not stop the others
                events.sender_failed(error)
                reason = f"unexpected {type(error).__name__} in the daemon: {error}"
                self._deliver(parcel, [Deferred("", reason, None)] * len(parcel.claims))
                continue
            if mail is not None:
                return mail
        return None

    def _mail(self, parcel: Parcel) -> Mail | None:
        """Make a mail of a parcel, or settle it here where there is nothing to send."""
        if not self._may_begin(parcel):
            return None
        message = parcel.message
        if message is None or not message.mime:
            self._deliver(parcel, [_without_bytes(message)] * len(parcel.claims))
            return None
        recipients = tuple(claim.diverted or claim.recipient for claim in parcel.claims)
        envelope = Envelope(message.sender, recipients, message.mime, str(message.id))
        return Mail(envelope, partial(self._dots, parcel), partial(self._settled, parcel))

    def _take(self) -> Parcel | None:
        if self._tray.closed:
            return None
        return self._again.popleft() if self._again else self._tray.take()

    def _dots(self, parcel: Parcel) -> str | None:
        """Make the last-moment check: unless it forbids it, the dot of `parcel` goes out now."""
        forbidden = self._may_dot(parcel)
        if forbidden is None:
            self._journal.dotted(parcel)
            self._patience.dotted(parcel)
        return forbidden

    def _settled(self, parcel: Parcel, verdicts: Sequence[Verdict]) -> None:
        self._patience.settled(parcel)
        untouched = all(isinstance(verdict, Untouched) for verdict in verdicts)
        if untouched and parcel.tries < _MOST_TRIES and self._may_dot(parcel) is None:
            # The relay had closed the kept connection, or lost its way: it said nothing of this mail.
            parcel.tries += 1
            self._again.append(parcel)
            return
        self._count(failed=any(isinstance(verdict, RelayFault) for verdict in verdicts))
        self._journal.answered(parcel, verdicts)
        self._deliver(parcel, verdicts)

    def _count(self, *, failed: bool) -> None:
        self._faults = min(self._faults + 1, 10) if failed else 0

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _without_bytes(message: Message | None) -> Verdict:
    if message is None:
        return Rejected(Stage.BODY.value, _NO_MESSAGE, None)
    reason = message.problem or "the message has no bytes"
    return (Deferred if message.may_pass else Rejected)(Stage.BODY.value, reason, None)


def _hang_up_on(dialling: asyncio.Future[Connection | RelayFault]) -> None:
    """End a connection that came about when nobody waited for it any more."""
    if not dialling.cancelled() and dialling.exception() is None:
        connection = dialling.result()
        if not isinstance(connection, RelayFault):
            connection.abort()
