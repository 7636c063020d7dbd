"""Learn what the daemon may send, and whether its database still knows what it knew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.worker.desks import Desks
    from outbox.worker.holdings import Holdings
    from outbox.worker.journaling import Journaling
    from outbox.worker.lease import Lease
    from outbox.worker.permit import Permit
    from outbox.worker.replay import Replay
    from outbox.worker.threads import Threads


class Lookout:
    """Looks around for the desks of one daemon; `lease` gives the one of its present session."""

    def __init__(
        self,
        permit: Permit,
        replay: Replay,
        journal: Journaling,
        holdings: Holdings,
        threads: Threads,
        desks: Desks,
        lease: Callable[[], Lease],
    ) -> None:
        self._permit = permit
        self._replay = replay
        self._journal = journal
        self._holdings = holdings
        self._threads = threads
        self._desks = desks
        self._lease = lease

    async def look(self, reads: Callable[[], None] = lambda: None, *, anew: bool = False) -> None:
        """Look what may be sent, `anew` however short ago that was.

        `reads` is called where journals are read for it, which may take long.
        """
        if not (anew or self._permit.must_look(asyncio.get_running_loop().time())):
            return
        connects = self._permit.connects
        await self._obey()
        me, ended = self._lease().id, self._journal.ended
        claimed = self._holdings.claimed if self._journal.folder else []
        if await self._threads.run(self._replay.notices, me, ended, claimed):
            # Nothing goes while the journals are read.
            await self._obey()
        self._permit.meet(connects)
        if self._permit.epoch != self._replay.answered:
            reads()
        if await self._threads.run(self._replay.look, me, self._permit.epoch, self._journal.folder):
            self._journal.turn(self._replay.database, self._replay.answered)
            self._holdings.lapse(asyncio.get_running_loop().time())
            # Others may have to do the same first.
            await self._obey()
        self._journal.counted(me, self._replay.counted(me))

    async def _obey(self) -> None:
        if await self._permit.look(asyncio.get_running_loop().time()):
            events.permitted(self._permit.summary(self._desks.names))
            for desk in self._desks:
                desk.obey()
            self._desks.wake()
