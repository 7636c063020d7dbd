"""What was before this daemon: the runs whose journals are here, and the daemon before it in this process."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from outbox import events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.remains import Remains
    from outbox.worker.aftermath import Aftermath
    from outbox.worker.holdings import Holdings
    from outbox.worker.journaling import Journaling
    from outbox.worker.lease import Lease
    from outbox.worker.recorder import Recorder
    from outbox.worker.replay import Replay
    from outbox.worker.threads import Threads


Known: TypeAlias = "Sequence[tuple[Lease, Settlement]]"
"""Verdicts that a database refuses, each with the lease under which its delivery was claimed."""


class Past:
    """Settles it before anything is claimed.

    `known` is what the daemon before knows and could not write. Its session beats no more: what it held would
    be rescued, and go again, if this one did not hold it on.
    """

    def __init__(
        self,
        journal: Journaling,
        replay: Replay,
        aftermath: Aftermath,
        remains: Remains,
        holdings: Holdings,
        threads: Threads,
        known: Known = (),
    ) -> None:
        self._journal = journal
        self._replay = replay
        self._aftermath = aftermath
        self._remains = remains
        self._holdings = holdings
        self._threads = threads
        self.known = known
        """The same, until it is passed on."""
        self._left: list[tuple[Lease, list[Settlement]]] = []

    async def settle(self) -> None:
        """Settle what earlier runs of this host have left; the journal is open.

        Where the database fails in it, it can be called again.
        """
        self._left = await self._threads.run(self._settle)
        self._journal.turn(self._replay.database, self._replay.answered)

    def _settle(self) -> list[tuple[Lease, list[Settlement]]]:
        folder = self._journal.folder
        self._replay.begin(folder)
        return self._aftermath.settle(folder, self._replay.database)

    async def pass_on(self, me: Lease, recorder: Recorder) -> None:
        """Give the recorder all that is still to be written; what can be held on is held by `me` now."""
        ours = await self._threads.run(self._take_over, me.id)
        for settlement in ours:
            self._holdings.refused(settlement)
        recorder.put(me, ours, again=True)
        told = {settlement.name for settlement in ours}
        for gone, settlements in self._left:
            recorder.put(gone, [each for each in settlements if each.name not in told])
            told |= {each.name for each in settlements}
        # Written by the journal, locked by somebody, or not of this database: a success still counts.
        others = [(lease, each) for lease, each in self.known if each.name not in told]
        for lease, settlement in others:
            recorder.put(lease, [settlement], again=True)
        self.known = ()
        if others and self._journal.folder is None:
            events.verdicts_left(len(others))

    def _take_over(self, me: UUID) -> list[Settlement]:
        of_each: defaultdict[UUID, list[Settlement]] = defaultdict(list)
        for lease, settlement in self.known:
            of_each[lease.id].append(settlement)
        return [
            settlement
            for gone, settlements in of_each.items()
            for settlement in self._remains.take_over(me, gone, settlements)
        ]
