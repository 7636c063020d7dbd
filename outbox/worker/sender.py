"""One connection's life: take a parcel, send it, hand the verdicts on, keep the connection for the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox import events
from outbox.delivery.connection import Connection, connect
from outbox.delivery.transaction import Envelope
from outbox.mail.verdict import Deferred, InDoubt, Rejected, RelayFault, Untouched, Verdict
from outbox.smtp.stage import Stage

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from outbox.delivery.relay import Relay
    from outbox.worker.parcel import Parcel
    from outbox.worker.tray import Tray

IDLE = 30.0
"""Seconds that a connection is kept without work; servers close idle ones soon after."""

LONGEST_REST = 5.0
"""Seconds that one sender rests, at most, after relay faults that only it has met."""


class Sender:
    """Sends parcels one after the other over one connection at a time.

    `may_begin` settles what is too late and tells whether any recipient is left. `may_dot` is the
    last-moment check: the reason why a parcel's dot must not go out now, or None. `deliver` takes a
    parcel and its verdicts, in the order of its claims.
    """

    def __init__(
        self,
        relay: Relay,
        tls: ssl.SSLContext | None,
        tray: Tray,
        may_begin: Callable[[Parcel], bool],
        may_dot: Callable[[Parcel], str | None],
        deliver: Callable[[Parcel, Sequence[Verdict]], None],
    ) -> None:
        self._relay = relay
        self._tls = tls
        self._tray = tray
        self._may_begin = may_begin
        self._may_dot = may_dot
        self._deliver = deliver
        self._connection: Connection | None = None
        self._faults = 0

    async def run(self) -> None:
        """Send until the tray is closed and empty."""
        try:
            while not (self._tray.closed and not self._tray.ready):
                parcel = self._tray.take()
                if parcel is None:
                    await self._wait()
                    continue
                try:
                    if self._may_begin(parcel):
                        await self._carry(parcel)
                finally:
                    self._tray.done()
                if self._faults:
                    # The others may go on; this one must not knock at a closed door in a loop.
                    await self._tray.rest(min(2.0 ** (self._faults - 1), LONGEST_REST))
            await self._hang_up()
        finally:
            if self._connection is not None:
                self._connection.abort()

    async def _wait(self) -> None:
        if self._connection is None:
            await self._tray.changed()
            return
        try:
            async with asyncio.timeout(IDLE):
                await self._tray.changed()
        except TimeoutError:
            await self._hang_up()

    async def _hang_up(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.quit()

    async def _carry(self, parcel: Parcel) -> None:
        try:
            verdicts = await self._send(parcel)
        except asyncio.CancelledError:
            known = self._connection.left if self._connection is not None else []
            untouched: list[Verdict] = [Untouched("the daemon was told to leave")] * len(parcel.claims)
            self._deliver(parcel, known or untouched)
            raise
        except Exception as error:  # noqa: BLE001 - one mail that we cannot handle must not stop the others
            verdicts = [self._bewildered(error)] * len(parcel.claims)
        failed = any(isinstance(verdict, RelayFault) for verdict in verdicts)
        self._faults = min(self._faults + 1, 10) if failed else 0
        self._deliver(parcel, verdicts)

    def _bewildered(self, error: Exception) -> Verdict:
        """Judge a mail that broke our own code; where its dot is out, nobody knows."""
        events.sender_failed(error)
        connection, self._connection = self._connection, None
        out = connection is not None and connection.outstanding_dot
        if connection is not None:
            connection.abort()
        reason = f"unexpected {type(error).__name__} in the daemon: {error}"
        return InDoubt(Stage.END_OF_DATA.value, reason, None) if out else Deferred("", reason, None)

    async def _send(self, parcel: Parcel) -> Sequence[Verdict]:
        message = parcel.message
        if message is None or message.mime is None:
            return [Rejected(Stage.BODY.value, "the message has no bytes", None)] * len(parcel.claims)
        recipients = tuple(claim.recipient for claim in parcel.claims)
        envelope = Envelope(message.sender, recipients, message.mime)
        while True:
            connection = await self._connected()
            if isinstance(connection, RelayFault):
                return [connection] * len(recipients)
            reused = connection.sent > 0
            verdicts = await connection.send(envelope, lambda: self._may_dot(parcel))
            untouched = all(isinstance(verdict, Untouched) for verdict in verdicts)
            # The relay had closed the kept connection and said nothing of this mail: at once over a new one.
            if not (untouched and reused and self._may_dot(parcel) is None):
                return verdicts

    async def _connected(self) -> Connection | RelayFault:
        if self._connection is not None and not self._connection.usable:
            self._connection.abort()
            self._connection = None
        if self._connection is None:
            connected = await connect(self._relay, self._tls)
            if isinstance(connected, RelayFault):
                return connected
            self._connection = connected
        return self._connection
