"""Settle what earlier runs of this directory left, by their journals, before anything is claimed.

The lock of the directory proves that their processes are gone, so nobody need wait for their leases. A
journal that is whole also proves by its silence: what it does not name had not begun. After a power cut, or
where its disk was full, lines may be missing: then only what it says is believed, and the rest is rescued.
"""

from __future__ import annotations

import random
import socket
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from outbox import events
from outbox.journal.entries import Entry, open_entries
from outbox.journal.folder import boot_id
from outbox.journal.format import Contents, decode
from outbox.journal.record import Key
from outbox.mail.status import Lane
from outbox.mail.verdict import InDoubt, Sent
from outbox.smtp.stage import Stage
from outbox.worker.lease import lease_of_the_dead
from outbox.worker.recorder import MOST, REFUSAL
from outbox.worker.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from outbox.journal.folder import Folder, Left
    from outbox.journal.record import Header
    from outbox.mail.status import Settlement
    from outbox.store.queue import Queue
    from outbox.store.remains import Remains, Standing
    from outbox.worker.lease import Lease
    from outbox.worker.options import Options

_TRIES = 4
"""How often a verdict is tried whose delivery somebody has locked; then it is left to the recorder."""

_PAUSE = 0.5
"""Seconds between two of these tries."""

_DOUBT = "its daemon was killed after the final dot had gone out, before an answer was written down"
_DETAIL = "known by the journal: the daemon was killed before it could record this"


class Aftermath:
    """Ends the sessions that are over, in the words of their journals."""

    def __init__(
        self, queue: Queue, remains: Remains, options: Options, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._queue = queue
        self._remains = remains
        self._options = options
        self._host = socket.gethostname()
        self._boot = boot_id()
        self._wait = wait

    def settle(self, folder: Folder | None, database: str) -> list[tuple[Lease, list[Settlement]]]:
        """Settle all that the open journals of this `database` name in a directory, and end their sessions.

        Returns by session the verdicts that the database does not take now; until it does, their sessions
        stand and are lost only with their leases.
        """
        try:
            gone = {} if folder is None else self._read(folder, database)
        except OSError as error:
            gone = {}
            events.journal_failed(str(error.filename), error)
        left_over = []
        entries = [entry for one in gone.values() for entry in one.entries]
        for session, one in gone.items():
            if unwritten := self._end(session, one, entries):
                left_over.append((lease_of_the_dead(session), unwritten))
                continue
            self._remains.over(session)
            for left, _ in one.journals:
                one.folder.finish(left.number)
        # What they may still hold: sent alone, or not told by a journal that lacks lines.
        if gone and (rescued := self._queue.rescue(self._options.lease_ttl)):
            events.rescued(0, rescued)
        return left_over

    def _read(self, folder: Folder, database: str) -> dict[UUID, _Gone]:
        """Read the open journals that may be believed, by the sessions that they speak of."""
        gone: defaultdict[UUID, _Gone] = defaultdict(lambda: _Gone(folder))
        for left in folder.left():
            contents = decode(left.data)
            if contents.skipped:
                events.journal_torn(left.name, contents.skipped)
            if contents.header is None and b"\n" not in left.data:
                # Its daemon was killed, or found no room, before the first line.
                folder.finish(left.number)
            elif (objection := self._objection(contents.header, database)) is not None:
                events.journal_refused(left.name, objection)
            elif contents.header is not None and not self._remains.is_known(contents.header.session):
                # The database was restored from before its time, and what it knows was recorded then.
                folder.finish(left.number)
            elif contents.header is not None:
                gone[contents.header.session].journals.append((left, contents))
        for entry in open_entries(each for one in gone.values() for each in one.contents):
            gone[entry.header.session].entries.append(entry)
        return gone

    def _objection(self, header: Header | None, database: str) -> str | None:
        """Return why a journal must not be believed here, or None."""
        if header is None:
            return "this release cannot read it"
        if header.host != self._host:
            return f"it is of host {header.host}, whose daemon may still live"
        if header.database != database:
            return "it is of another database"
        return None

    def _end(self, session: UUID, gone: _Gone, entries: Sequence[Entry]) -> list[Settlement]:
        """Settle what a session held; return what the database does not take now."""
        held = {_key(standing): standing for standing in self._remains.held(session)}
        # Of all sessions: what this one held on over a reload is named by the journal of the one before.
        named = [(entry, held[entry.key]) for entry in entries if entry.key in held]
        settlements = [
            self.settlement(entry, standing) for entry, standing in named if entry.dotted or entry.verdict
        ]
        settlements += self._late([entry for entry in gone.entries if entry.key not in held])
        unwritten = self.record(session, settlements)
        released = apart = 0
        if gone.is_whole(self._boot):
            released = self._queue.release_unknown(
                session, [standing.claim.delivery_id for _, standing in named]
            )
            # The sending of those in the lane ALONE was announced: that they crashed a daemon counts.
            apart = self._remains.set_apart(
                session,
                [
                    standing.claim
                    for entry, standing in named
                    if not entry.dotted and entry.verdict is None and standing.claim.lane is not Lane.ALONE
                ],
            )
        doubts = sum(settlement.doubt for settlement in settlements)
        events.journal_settled(session, len(settlements) - doubts, doubts, released, apart)
        return unwritten

    def _late(self, entries: Sequence[Entry]) -> list[Settlement]:
        """Return what is still to be said of claims that were taken away: only that a mail was sent.

        Where that is known by now, nothing is written; where another has sent it, too, that is told by this.
        """
        sent = [entry for entry in entries if isinstance(entry.verdict, Sent)]
        found = self._remains.named(entry.key.message_id for entry in sent)
        named = [(entry, found.get((entry.key.message_id, entry.key.n))) for entry in sent]
        return [self.settlement(entry, standing) for entry, standing in named if standing is not None]

    def settlement(self, entry: Entry, standing: Standing) -> Settlement:
        """Return what an entry makes of its delivery."""
        to = self._options.diversion.of(standing.claim.recipient)
        diverted = to if isinstance(to, str) and to != standing.claim.recipient else None
        claim = replace(standing.claim, fence=entry.key.fence, diverted=diverted)
        verdict = entry.verdict or InDoubt(Stage.END_OF_DATA.value, _DOUBT, None)
        chance = random.random()  # noqa: S311 - jitter
        settlement = settle(claim, verdict, entry.relay, standing.on_doubt, self._options.policy, chance)
        if isinstance(verdict, Sent):
            # Clean and first, and yet to be told: its words are not the relay's.
            settlement = replace(settlement, stage=Stage.END_OF_DATA.value, noted=True)
        return replace(settlement, detail=settlement.detail or _DETAIL)

    def record(self, session: UUID, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Write verdicts under the name of a dead session; return those that are not taken now."""
        unwritten: list[Settlement] = []
        for first in range(0, len(settlements), MOST):
            # Of those that are refused the recorder finds out which, and tells.
            unwritten += self.write(session, settlements[first : first + MOST])[0]
        return unwritten

    def write(self, session: UUID, batch: Sequence[Settlement]) -> tuple[list[Settlement], Exception | None]:
        """Write verdicts; return those that are not taken now, and why if one of them is refused.

        A COMMIT of the dead process may still be on its way, with locks that pass.
        """
        pause, left = self._options.policy.doubt_pause, list(batch)
        for _ in range(_TRIES):
            try:
                busy = self._queue.record(session, left, doubt_pause=pause, again=True).busy
            except REFUSAL as error:
                return left, error
            left = [settlement for settlement in left if settlement.delivery_id in busy]
            if not left:
                break
            self._wait(_PAUSE)
        return left, None


@dataclass(slots=True)
class _Gone:
    """One session that is over: its open journals, and what they name that the database may not know."""

    folder: Folder
    journals: list[tuple[Left, Contents]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def contents(self) -> list[Contents]:
        return [contents for _, contents in self.journals]

    def is_whole(self, boot: str) -> bool:
        """Tell whether what these journals do not name never happened."""
        headers = [contents.header for contents in self.contents]
        return bool(boot) and all(header and header.whole and header.boot == boot for header in headers)


def _key(standing: Standing) -> Key:
    claim = standing.claim
    return Key(claim.message_id, claim.n, claim.fence)
