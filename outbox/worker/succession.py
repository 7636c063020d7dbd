"""Run one daemon, and on SIGHUP another in its place, which works by what the settings say by then.

The new settings are read, and their database is met, while the daemon goes on: where anything is wrong with
them, it goes on by those that it has. Else it finishes what it has begun, and then its successor begins, in
the same process: the journal's directory has one daemon at a time.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from outbox import events
from outbox.errors import SettingsError, UnwrittenVerdictsError
from outbox.worker.descriptors import allow_descriptors
from outbox.worker.loop import Daemon
from outbox.worker.meet import meet
from outbox.worker.threads import run_aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from outbox.store.database import Database
    from outbox.worker.notify import Notifier
    from outbox.worker.options import Options
    from outbox.worker.past import Known


@dataclass(frozen=True, slots=True)
class Order:
    """What one daemon works by; `begins` is called with it when it does."""

    database: Database
    options: Options
    begins: Callable[[Daemon], object] = lambda _: None


Read: TypeAlias = "Callable[[], AbstractContextManager[Order]]"
"""Reads the settings; the order holds within the block."""

Taken: TypeAlias = tuple[Order, ExitStack]
"""An order, and what ends it."""


def taken(read: Read) -> Taken:
    """Read the settings, and meet their database; raise what is wrong with either."""
    with ExitStack() as stack:
        order = stack.enter_context(read())
        meet(order.database, order.options)
        return order, stack.pop_all()


class Succession:
    """The daemons of one process, one after the other; the `first` one's order has been taken."""

    def __init__(self, read: Read, notifier: Notifier, first: Taken) -> None:
        self._read = read
        self._notifier = notifier
        self._next: Taken | None = first
        self._daemon: Daemon | None = None
        self._known: Known = ()
        self._asked = asyncio.Event()
        self._begun = asyncio.Event()
        self._stops = False

    async def run(self) -> None:
        """Run until told to stop; raise what ends a daemon otherwise."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        reloading = asyncio.create_task(self._reload())
        try:
            while (following := self._next) is not None and not self._stops:
                self._next = None
                await self._serve(*following)
            if self._known:
                raise UnwrittenVerdictsError(len(self._known))
        finally:
            reloading.cancel()
            if self._next is not None:
                self._next[1].close()

    def stop(self) -> None:
        """Drain and end, also where that was a reload; told again, leave at once."""
        self._stops = True
        self._notifier.stopping()
        if self._daemon is not None:
            self._daemon.stop.ask()

    async def _serve(self, order: Order, ending: ExitStack) -> None:
        with ending:
            allow_descriptors(sum(relay.pool.connections for relay in order.options.relays))
            self._daemon = Daemon(order.database, order.options, self._notifier, self._known)
            order.begins(self._daemon)
            self._begun.set()
            try:
                await self._daemon.run()
            except UnwrittenVerdictsError:
                if not self._daemon.stop.hands_over:
                    raise
            # Its successor holds on what they are about, and tries them again.
            self._known = self._daemon.known

    async def _reload(self) -> None:
        context = copy_context()  # an application says in it what it says of the settings
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._notifier.reloading()
            events.reloading()
            try:
                # Told to stop, it ends, though a database that it does not serve yet may hang.
                following = await run_aside(partial(context.run, taken, self._read))
            except Exception as error:  # noqa: BLE001 - whatever it is, the daemon that works goes on
                self._refuse(error)
            else:
                await self._succeed(following)

    async def _succeed(self, following: Taken) -> None:
        self._next = following
        self._notifier.remark = ""
        if self._daemon is not None and not self._stops:
            self._begun.clear()
            self._daemon.stop.hand_over()
            await self._begun.wait()
            events.reloaded()

    def _refuse(self, error: Exception) -> None:
        faults = error.faults if isinstance(error, SettingsError) else (str(error),)
        for fault in faults:
            events.reload_refused(fault)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        now = datetime.now(UTC)
        self._notifier.remark = f"reload of {now:%H:%M:%S} UTC refused: {' '.join(faults[0].split())}{more}"
        self._notifier.unchanged()
