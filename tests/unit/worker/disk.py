"""A journal on a disk that a test fills, and mail that is sent beside it."""

import errno
import os
from pathlib import Path
from uuid import UUID

import pytest

from outbox.journal.format import Contents, decode
from outbox.journal.record import Key
from outbox.mail.verdict import Answer, Sent
from outbox.worker.journaling import Journaling
from outbox.worker.lease import Lease
from outbox.worker.parcel import Parcel
from tests.unit.worker.held import claim, settlement

SENT = Sent(Answer(250, None, ""), None)
ME, NEXT = (Lease(valid_until=1e12, unbroken_since=0.0, id=UUID(int=n)) for n in (1, 2))


class Disk:
    """A journal on a disk that a test fills."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = state / "journal"
        self.full = False
        self.worn = False
        self.now = 0.0
        self.writes: list[bytes] = []
        self.journal = Journaling(state, "mx", lambda: self.now)
        self._write, self._pwrite = os.write, os.pwrite
        monkeypatch.setattr(os, "write", self._guarded)
        monkeypatch.setattr(os, "pwrite", self._guarded_at)

    def _guarded(self, fd: int, data: bytes) -> int:
        if self.full:
            # As a disk does: some of it goes, and then nothing more.
            if len(data) > 10:
                return self._write(fd, bytes(data)[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.writes.append(bytes(data))
        return self._write(fd, data)

    def _guarded_at(self, fd: int, data: bytes, offset: int) -> int:
        if self.worn:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._pwrite(fd, data, offset)

    def files(self) -> list[str]:
        return sorted(file.name for file in self.path.iterdir())

    def read(self, number: int) -> Contents:
        (file,) = self.path.glob(f"{number:08d}.*")
        return decode(file.read_bytes())


def mail(number: int = 1, lease: Lease = ME) -> Parcel:
    held = claim(number, message_id=UUID(int=number))
    return Parcel(held.message_id, [held], lease, 0.0, 1)


def key(number: int = 1) -> tuple[Key, ...]:
    return (Key(UUID(int=number), 0, 1),)


def sent(journal: Journaling, number: int, lease: Lease = ME) -> None:
    """Send a mail, and let its verdict be recorded."""
    parcel = mail(number, lease)
    journal.begun(parcel, "mx")
    journal.dotted(parcel)
    journal.flush()
    journal.answered(parcel, [SENT])
    journal.flush()
    journal.known([settlement(number)])
