"""Keep the journal: what the senders do with each claim, written down before it is done.

It must hinder nobody: where it cannot be written, mail goes on without it, which is told loudly, and a new
one is tried from time to time. Nor must it mislead: one that lacks a line says in its header that it does.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from outbox import events
from outbox.journal.folder import File, Folder, boot_id
from outbox.journal.format import answered, begun, counted, dotted, known, line
from outbox.journal.record import Header
from outbox.worker.lease import boot_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from outbox.mail.status import Settlement
    from outbox.mail.verdict import Verdict
    from outbox.store.moves import Claim
    from outbox.worker.parcel import Parcel

SIZE = 4 * 1024 * 1024
"""Bytes from which on a new file is begun: what a start has to read must be read soon."""

RETRY = 10.0
"""Seconds after which a journal is tried again that could not be written."""

REMEMBERED = 1000
"""Claims by whose ends a running daemon tells whether its database has gone back in time."""

_LAZY = 4096
"""Bytes of what only saves the next start some work: it waits for the next line that matters."""


class Journaling:
    """The journal of one daemon in `state_dir`, None for none; `relay` is the one that most mail goes by.

    All of it but `open` is called on the event loop. What must be down before a step costs one write to the
    page cache; `flush` makes sure of a dot or an answer, unless the next mail behind it has.
    """

    def __init__(
        self,
        state_dir: Path | None,
        relay: str,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._path = state_dir and state_dir / "journal"
        self._clock = clock
        self._header = Header(UUID(int=0), socket.gethostname(), boot_id(), relay)
        self._folder: Folder | None = None
        self._file: File | None = None
        self._limit = SIZE
        # What the database may not know, as it began: its claim, its name, and the number of its first file.
        self._open: dict[tuple[int, int], tuple[Claim, str, int]] = {}
        # What has begun since that was looked at, likewise: to sort it in costs least for many at once.
        self._begun: list[tuple[list[Claim], str, int]] = []
        self._older: list[int] = []
        # What goes with the next write.
        self._pending: list[str] = []
        # Sessions of which a line is missing.
        self._holed: set[UUID] = set()
        # How many ends the row of the session has counted, as this file says.
        self._counted = 0
        self._failed_at: float | None = None
        self._ended: deque[Claim] = deque(maxlen=REMEMBERED)

    @property
    def ended(self) -> list[Claim]:
        """The claims whose ends the database has confirmed last."""
        return [*self._ended]

    @property
    def folder(self) -> Folder | None:
        """The directory, while there is one."""
        return self._folder

    @property
    def state(self) -> str:
        """Whether there is one, in a word: off, written or failed; on any thread."""
        if self._path is None:
            return "off"
        return "failed" if self._failed_at is not None or self._folder is None else "written"

    @property
    def is_written(self) -> bool:
        """Whether there is a file now: what is told outlives this process."""
        return self._file is not None

    def turn(self, database: str, epoch: int) -> None:
        """Name in each journal from now on its database, and the epoch up to which the journals were read."""
        if (database, epoch) == (self._header.database, self._header.epoch):
            # Tried again, and again in vain: a file for each time would push out those that must be read.
            return
        self._header = replace(self._header, database=database, epoch=epoch)
        self._ended.clear()
        # What is pending was done by the old one.
        self.flush()
        self._rotate()

    def open(self) -> Folder | None:
        """Lock the directory, and return it; None where there is no journal.

        Raises StateDirectoryError where another daemon works there.
        """
        if self._path is None:
            events.journal_off()
            return None
        try:
            self._folder = Folder(self._path)
            self._folder.prune(time.time())
        except OSError as error:
            events.journal_failed(str(self._path), error)
        return self._folder

    def begin(self, session: UUID) -> bool:
        """See to it that there is a journal of this session; tell whether there is.

        Before the session claims anything: then its journal tells by its silence what has not begun.
        """
        if self._folder is None or (self._file is not None and self._header.session == session):
            return self._file is not None
        if self._failed_at is not None and self._clock() - self._failed_at < RETRY:
            self._holed.add(session)
            return False
        self.flush()
        self._put_away()
        self._header = replace(self._header, session=session, whole=session not in self._holed)
        return self._begin_file(self._folder)

    def prepare(self, parcels: Iterable[Parcel]) -> None:
        """Make the names of parcels that will be begun, many in a row: one by one that costs far more."""
        if self._file is not None:
            for parcel in parcels:
                parcel.names()

    def begun(self, parcel: Parcel, relay: str) -> None:
        """Write down that a sender takes a parcel in hand, for this relay."""
        session, header = parcel.lease.id, self._header
        # Mostly it is the very same.
        if (session is not header.session or self._file is None) and not self.begin(session):
            return
        if (file := self._file) is None:
            return
        # The write may begin another file, which does not say this.
        names, number = parcel.names(), file.number
        self._pending.append(begun(names, None if relay == header.relay else relay))
        if self.flush():
            self._begun.append((parcel.claims, names, number))

    def dotted(self, parcel: Parcel) -> None:
        """Note that the dot of a parcel goes out next: as soon as this is flushed."""
        if self._file is not None:
            self._pending.append(dotted(parcel.names()))

    def answered(self, parcel: Parcel, verdicts: Sequence[Verdict]) -> None:
        """Note how the sending of a parcel has ended: it is known as soon as this is flushed."""
        if self._file is not None:
            self._pending.append(answered(parcel.names(), verdicts))

    def known(self, settlements: Iterable[Settlement]) -> None:
        """Note that what became of these is in the database."""
        self._sort_in()
        ended = [
            found
            for settlement in settlements
            if (found := self._open.pop((settlement.delivery_id, settlement.fence), None))
        ]
        if not ended:
            return
        self._pending.append(known([name for _, name, _ in ended]))
        self._ended.extend([claim for claim, _, _ in ended])
        if sum(map(len, self._pending)) >= _LAZY:
            self.flush()
        self._finish_older()

    def _sort_in(self) -> None:
        """Have what has begun among what is open; what was there already stays with its first file."""
        for claims, names, number in self._begun:
            for claim, name in zip(claims, names.split(" "), strict=True):
                self._open.setdefault((claim.delivery_id, claim.fence), (claim, name, number))
        self._begun.clear()

    def counted(self, session: UUID, count: int) -> None:
        """Note how many ends the row of a session has counted: less would say that its database went back."""
        if self._file is not None and session == self._header.session and count != self._counted:
            # The write may begin another file, which says nothing of it yet.
            self._counted = count
            self._pending.append(counted(count))
            self.flush()

    def close(self) -> None:
        """Write down what is left, and let another daemon work here."""
        if self._folder is None:
            return
        self.flush()
        self._put_away()
        self._finish_older()
        self._folder.close()
        self._folder = None

    def _begin_file(self, folder: Folder) -> bool:
        try:
            self._file = folder.create(self._header)
        except OSError as error:
            self._fail(error)
            return False
        self._limit, self._counted = SIZE, 0
        if self._failed_at is not None:
            self._failed_at = None
            events.journal_back(str(self._path))
        return True

    def flush(self) -> bool:
        """Write down all that is pending; tell whether it is."""
        if self._file is None or not self._pending:
            return self._file is not None
        data = line(self._pending)
        # What cannot be written now would come out of its order: the header says that it is missing.
        self._pending.clear()
        try:
            self._file.write(data)
        except OSError as error:
            self._fail(error)
            return False
        if self._file.size >= self._limit:
            self._rotate()
        return True

    def _rotate(self) -> None:
        """Go on in a new file; where there can be none, in this one."""
        file, folder = self._file, self._folder
        if file is None or folder is None:
            return
        try:
            self._file = folder.create(self._header)
        except OSError as error:
            self._limit += SIZE
            events.journal_failed(str(self._path), error)
            return
        self._limit, self._counted = SIZE, 0
        self._older.append(file.number)
        file.close()
        folder.prune(time.time())

    def _fail(self, error: OSError) -> None:
        """Do without a journal for a while, and see to it that the one so far does not mislead."""
        self._failed_at = self._clock()
        self._holed.add(self._header.session)
        events.journal_failed(str(self._path), error)
        if self._file is not None and self._folder is not None:
            try:
                self._file.rewrite(replace(self._header, whole=False))
            except OSError:
                # Not even that. Then nobody shall read it.
                self._folder.finish(self._file.number)
        self._put_away()

    def _put_away(self) -> None:
        if self._file is not None:
            self._older.append(self._file.number)
            self._file.close()
            self._file = None

    def _finish_older(self) -> None:
        """Put aside the files of which the database knows all."""
        if not self._older or self._folder is None:
            return
        self._sort_in()
        oldest = next((number for _, _, number in self._open.values()), self._older[-1] + 1)
        while self._older and self._older[0] < oldest:
            self._folder.finish(self._older.pop(0))
