"""Find that the database has gone back in time, and tell it again which mails went out since.

A dump that is restored, or a failover that loses commits, brings back mail that was sent. The journals of
this host know, and those of other hosts know the rest. So nobody sends before every living daemon has read
its own; and where nobody can say how far back it went, not before a person has said that none is missing.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from itertools import groupby, islice
from math import inf
from typing import TYPE_CHECKING

from outbox import events
from outbox.journal.entries import Entry, Sendings
from outbox.journal.format import Contents, decode
from outbox.journal.record import Begun, Known
from outbox.mail.status import Move, Status
from outbox.mail.verdict import InDoubt, Sent
from outbox.smtp.stage import Stage
from outbox.store.batches import FEW
from outbox.worker.housekeeping import SESSIONS_KEPT
from outbox.worker.lease import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from outbox.journal.folder import Folder
    from outbox.journal.record import Header, Key
    from outbox.mail.status import Settlement
    from outbox.store.history import History
    from outbox.store.remains import Beaten, Named, Remains
    from outbox.worker.aftermath import Aftermath

NEAR = 600.0
"""Seconds: a database that went back no further than this asks no person; a failover loses less."""

AGAIN = 10.0
"""Seconds after which the journals are read again where the database did not take all that they know."""

_TELLING = (Sent, InDoubt)
_UNDONE = "the database has forgotten this claim while the final dot had no answer yet"
_THEN = "every living daemon has read its journal"
_AND_THEN = ", and a person has said: outbox db confirm-restore"


class Replay:
    """Reads the journals of this host again for a database that has forgotten something.

    `database` is its id, `answered` the epoch up to which that was done. All methods run in a thread.
    """

    def __init__(
        self,
        history: History,
        remains: Remains,
        aftermath: Aftermath,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._history = history
        self._remains = remains
        self._aftermath = aftermath
        self._clock = clock
        self._host = socket.gethostname()
        self._session: UUID | None = None
        self._forgotten: UUID | None = None
        # What the session's row said at the last look: it only ever says more.
        self._beaten: tuple[UUID | None, int] = None, 0
        # When no row could yet name the epoch of `answered`, and when all was there last: so far for none.
        self._since, self._well_at = 0.0, inf
        # The epoch for which the database did not take all, and when it is told all again.
        self._again_for, self._again_at = -1, 0.0
        # The session of which the database knows what it has answered.
        self._answering: UUID | None = None
        self.database = ""
        self.answered = 0

    def begin(self, folder: Folder | None) -> None:
        """Look whether the database is behind the last journal, and if so read all of them."""
        self._since = self._clock()
        self.database, self.answered = self._history.now()
        went_back = False
        try:
            last = folder and folder.newest()
            contents = decode(last.data) if last else None
            if contents is not None and contents.header is not None and self._is_ours(contents.header):
                header = contents.header
                self._beaten = header.session, contents.counted
                went_back = self._lacks(header.session, _ended(contents), _begun(contents), header.epoch)
                # Also where others have noticed while this host was down.
                went_back |= header.epoch < self.answered
        except OSError as error:
            events.journal_failed(str(error.filename), error)
        if self._has_moved(self.answered) or went_back:
            epoch = self._history.now().epoch
            # Else its session begins as one that has not answered, and tries again.
            self.answered = epoch if folder is None or self._read(folder, epoch) else epoch - 1

    def counted(self, session: UUID) -> int:
        """Return how many ends the row of a session had counted at the last look; on any thread."""
        last, count = self._beaten
        return count if last == session else 0

    def notices(self, me: UUID, ended: Sequence[Named], claimed: Sequence[Named]) -> bool:
        """Tell whether the database has forgotten what it confirmed to the session `me`, and tell others.

        That were these ends, and the last of these claims that are still held. Whoever keeps no journal names
        no claims: nothing would tell how far back, and each that is lost would have a person asked.
        """
        # One that was declared lost has begun another; if the database does not know it, it went back.
        before, self._session = self._session or me, me
        lacks = self._lacks(before, ended, claimed, self.answered)
        return self._has_moved(self.answered) or lacks

    def look(self, me: UUID, epoch: int, folder: Folder | None) -> bool:
        """Read the journals again if the database is of another `epoch`; tell whether that was so."""
        if epoch == self.answered:
            if me != self._answering:
                # One that began while the journals were read has named the epoch before: all wait for it.
                self._answer(me)
            return False
        began, now = self._clock(), self._history.now().epoch
        if now == self._again_for and began < self._again_at:
            return True
        # What could not be written yet is tried again some looks later; until then nobody sends.
        if folder is None or self._read(folder, now):
            self.answered, self._since = now, began
            self._answer(me)
        return True

    def _answer(self, me: UUID) -> None:
        # Until the database has it, it is said again.
        self._answering = None
        self._history.answer(me, self.answered)
        self._answering = me

    def _has_moved(self, known: int) -> bool:
        """Tell whether another server has the database, and have everybody read their journals then.

        It may lack nothing of ours, and still what another daemon has sent, who has yet to look.
        """
        if not self._history.has_moved():
            return False
        if self._history.went_back(known):
            events.database_moved()
        return True

    def _lacks(self, session: UUID, ended: Sequence[Named], claimed: Sequence[Named], known: int) -> bool:
        """Tell whether the database is behind, and have everybody know, unless they do."""
        if session == self._forgotten:
            # Told already; its daemon begins another with its next beat.
            return False
        (last, before), beaten = self._beaten, self._remains.beaten(session)
        is_older = self._history.now().epoch < known
        if beaten is None and not is_older and self._clock() - self._well_at > SESSIONS_KEPT:
            # This host has slept: others have declared the session lost, and pruned it since.
            self._forgotten = session
            return False
        if beaten is None or is_older:
            # An epoch never falls: a dump from before an earlier lapse may know the session all the same.
            far = True
        elif (
            (last == session and beaten.ends < before)
            or any(islice(self._remains.forgotten(session, ended[::-1]), FEW))
            or self._remains.lacks(claimed[-FEW:])
        ):
            far = not self._is_near(beaten) and next(self._remains.forgotten(session, ended), True)
        else:
            self._beaten, self._well_at = (session, beaten.ends), self._clock()
            return False
        if self._history.went_back(known, far=far):
            events.went_back(_THEN + (_AND_THEN if far else ""))
        # Only now: what could not be told is told at the next look.
        if beaten is None:
            self._forgotten = session
        self._beaten = session, beaten.ends if beaten else 0
        return True

    def _is_near(self, beaten: Beaten) -> bool:
        """Tell whether the row of a session says that the database went back a short way only.

        A row that names the epoch of `answered` was written since that was settled here. It tells, too, where
        all ends that the daemon remembers are younger, as after a start or another lapse.
        """
        return beaten.epoch == self.answered and self._well_at - self._since < NEAR

    def _read(self, folder: Folder, epoch: int) -> bool:
        """Tell the database of this `epoch` what any journal knows; return whether it has taken all of it."""
        sent = doubts = unwritten = 0
        try:
            for session, entries in self._known(folder):
                settlements = self._untold(session, entries)
                unwritten += self._record(session, settlements)
                doubts += sum(settlement.doubt for settlement in settlements)
                sent += sum(not settlement.doubt for settlement in settlements)
        except OSError as error:
            # As at a start: for what nobody can read the others would wait for ever.
            events.journal_failed(str(error.filename), error)
        events.replayed(sent, doubts, unwritten)
        self._again_for, self._again_at = epoch, self._clock() + AGAIN
        return not unwritten

    def _known(self, folder: Folder) -> Iterator[tuple[UUID, list[Entry]]]:
        """Yield by session what the relay has taken, or may have taken, a hundred at a time."""
        sendings, gone = Sendings(), set()
        for left in folder.all():
            contents = decode(left.data)
            if contents.header is not None and self._is_ours(contents.header):
                if left.number < folder.first:
                    gone.add(contents.header.session)
                ended = [entry for entry in sendings.read(contents) if isinstance(entry.verdict, _TELLING)]
                yield from _by_session(ended)
        dotted = sendings.dotted()
        yield from _by_session([entry for entry in dotted if entry.header.session in gone])
        yield from _by_session(self._undone([entry for entry in dotted if entry.header.session not in gone]))

    def _undone(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return as doubts what this run is still sending, and what others could claim beside it by now."""
        found = self._remains.named(entry.key.message_id for entry in entries)
        undone = [
            entry
            for entry in entries
            if (standing := found.get((entry.key.message_id, entry.key.n)))
            and standing.claim.fence < entry.key.fence
        ]
        for entry in undone:
            entry.verdict = InDoubt(Stage.END_OF_DATA.value, _UNDONE, None)
        return undone

    def _untold(self, session: UUID, entries: Sequence[Entry]) -> list[Settlement]:
        """Return what is to be said of these; of a doubt only where no end of that claim is known."""
        found = self._remains.named(entry.key.message_id for entry in entries)
        there = [
            (entry, standing)
            for entry in entries
            if (standing := found.get((entry.key.message_id, entry.key.n)))
            and standing.status is not Status.SENT
        ]
        settlements = [self._aftermath.settlement(entry, standing) for entry, standing in there]
        doubtful = [settlement.delivery_id for settlement in settlements if settlement.doubt]
        noted = self._remains.noted(session, doubtful) if doubtful else set()
        return [each for each in settlements if not each.doubt or (each.delivery_id, each.fence) not in noted]

    def _record(self, session: UUID, batch: Sequence[Settlement]) -> int:
        """Write these; return how many the database does not take.

        A mail that it does not let be sent, by a constraint or a trigger, is in doubt: it must not go again
        unless a person says so, and the others need not wait for that.
        """
        left, refusal = self._aftermath.write(session, batch)
        if refusal is None:
            return len(left)
        if len(left) > 1:
            half = len(left) // 2
            return self._record(session, left[:half]) + self._record(session, left[half:])
        (refused,) = left
        waits = refused.move is not Move.DOUBT_HOLD
        events.replay_refused(refusal, refused.delivery_id, refused.move, waits=waits)
        return self._record(session, [_held(refused)]) if waits else 1

    def _is_ours(self, header: Header) -> bool:
        return (header.host, header.database) == (self._host, self.database)


def _ended(contents: Contents) -> list[Key]:
    """Return the claims whose ends the database has confirmed, in that order."""
    known = (record for record in contents.records if isinstance(record, Known))
    return [key for record in known for key in record.keys]


def _begun(contents: Contents) -> list[Key]:
    """Return the claims that senders have taken in hand, in that order: the database had confirmed them."""
    begun = (record for record in contents.records if isinstance(record, Begun))
    return [key for record in begun for key in record.keys]


def _by_session(entries: Sequence[Entry]) -> Iterator[tuple[UUID, list[Entry]]]:
    for session, group in groupby(entries, lambda entry: entry.header.session):
        its = list(group)
        for first in range(0, len(its), FEW):
            yield session, its[first : first + FEW]


def _held(refused: Settlement) -> Settlement:
    """Return what is written in the place of what the database refuses, in plain words."""
    answer = refused.answer
    says = f"{refused.move}{f' ({answer.code}, queue id {refused.queue_id})' if answer else ''}"
    return replace(
        refused,
        move=Move.DOUBT_HOLD,
        delay=None,
        doubt=True,
        answer=None,
        queue_id=None,
        reason=None,
        detail=f"the journal says {says}, which the database refuses: the daemon's log tells by which rule",
    )
