"""Share what is learnt of a relay with the other daemons and the next run, through its gate row.

There a person reads, too, what keeps mail from the relay.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from outbox import events
from outbox.delivery.relay import Pipelining
from outbox.store.gates import Learnt

if TYPE_CHECKING:
    from outbox.delivery.limits import Limits
    from outbox.store.gates import Gates
    from outbox.worker.threads import Threads

EVERY = 10.0
"""Seconds between two looks at what other daemons have learnt; what we learn is written at once."""


class Memory:
    """Keeps `limits` of the relay `name` and its gate row alike."""

    def __init__(self, name: str, limits: Limits, gates: Gates, threads: Threads) -> None:
        self._name = name
        self._limits = limits
        self._gates = gates
        self._threads = threads
        self._news = asyncio.Event()
        self._unwritten = False
        # None: nothing is at fault. Empty: this run has met nothing yet; an earlier one may have left words.
        self._fault: str | None = ""
        self._reported: str | None = ""
        self._waited: str | None = None
        limits.changed = self._note

    async def run(self) -> None:
        """Write what is learnt, and read what others learnt, until cancelled."""
        while True:
            self._news.clear()
            with suppress(SQLAlchemyError):  # the loop has told already that the database is away
                await self._exchange()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._news.wait()

    def fails(self, fault: str) -> bool:
        """Note what keeps mail from the relay; tell whether these words are new."""
        if fault == self._fault:
            return False
        self._fault = fault
        self._news.set()
        return True

    def waits(self, words: str | None) -> None:
        """Tell what a connection waits for that should be there by now; None: it came."""
        if words is None:
            if self._fault == self._waited:
                self.works()
        elif self.fails(words):
            self._waited = words
            events.relay_slow(self._name, words)

    def works(self) -> None:
        """Note that the relay judges mail."""
        if self._fault is not None:
            self._fault = None
            self._news.set()

    async def _exchange(self) -> None:
        if (fault := self._fault) != self._reported:
            await self._threads.run(self._gates.report, self._name, fault)
            self._reported = fault
        if self._unwritten:
            await self._threads.run(self._gates.learn, self._name, self._own())
            self._unwritten = self._news.is_set()
        learnt = await self._threads.run(self._gates.learnt, self._name)
        if not self._unwritten and not self._news.is_set():
            self._limits.recall(
                Pipelining(learnt.pipelining) if learnt.pipelining else None,
                learnt.recipients,
                data_apart=learnt.data_apart,
            )

    def _own(self) -> Learnt:
        limits = self._limits
        return Learnt(limits.level and limits.level.value, limits.data_apart, limits.full_at)

    def _note(self, reason: str) -> None:
        events.relay_learnt(self._name, reason)
        self._unwritten = True
        self._news.set()
