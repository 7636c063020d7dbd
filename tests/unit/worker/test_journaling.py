"""Each step is in the journal before it is taken; where it cannot be, mail goes on, and the journal tells."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from outbox.errors import StateDirectoryError
from outbox.journal.format import Contents, decode
from outbox.journal.record import Answered, Begun, Dotted, Key, Known
from outbox.mail.verdict import Answer, Sent
from outbox.worker import journaling as module
from outbox.worker.journaling import RETRY, Journaling
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
        self.journal = Journaling(state, "mx", lambda: self.now, lambda work: work())
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


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(tmp_path, monkeypatch)
    disk.journal.open()
    yield disk
    disk.full = False
    disk.journal.close()


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
    journal.known([settlement(number)])


def test_each_step_is_a_write_of_its_own_and_what_can_wait_goes_with_the_next(disk: Disk) -> None:
    disk.journal.begin(ME.id)
    sent(disk.journal, 1)
    assert [each.split()[0] for each in disk.writes] == [b"outbox-journal", b"B", b"D", b"R"]
    disk.journal.begun(mail(2), "mx")
    assert disk.read(1).records == [
        *(Begun(key()), Dotted(key()), Answered(key(), (SENT,)), Known(key()), Begun(key(2)))
    ]


def test_a_dot_and_the_mail_that_rides_behind_it_are_one_write(disk: Disk) -> None:
    disk.journal.begun(mail(1), "mx")
    disk.journal.dotted(mail(1))
    assert len(disk.writes) == 2
    disk.journal.begun(mail(2), "mx")
    disk.journal.flush()
    assert disk.read(1).records == [Begun(key()), Dotted(key()), Begun(key(2))]
    assert len(disk.writes) == 3


def test_a_session_that_claims_nothing_has_a_journal_that_says_nothing(disk: Disk) -> None:
    assert disk.journal.begin(ME.id)
    contents = disk.read(1)
    assert contents.header is not None
    assert (contents.header.session, contents.header.whole, contents.records) == (ME.id, True, [])


def test_a_journal_of_which_the_database_knows_all_is_put_aside_at_the_end(disk: Disk) -> None:
    sent(disk.journal, 1)
    disk.journal.close()
    assert disk.files() == ["00000001.done"]
    assert disk.read(1).records[-1] == Known(key())


def test_a_journal_that_knows_more_than_the_database_stays(disk: Disk) -> None:
    sent(disk.journal, 1)
    disk.journal.begun(mail(2), "mx")
    disk.journal.close()
    assert disk.files() == ["00000001.journal"]


def test_what_was_never_begun_here_is_none_of_its_business(disk: Disk) -> None:
    disk.journal.begin(ME.id)
    disk.journal.known([settlement(7)])
    disk.journal.close()
    assert disk.read(1).records == []


def test_a_full_file_is_followed_by_another_and_put_aside_when_all_of_it_is_known(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SIZE", 400)
    disk.journal.begun(mail(1), "mx")
    for number in range(2, 12):
        sent(disk.journal, number)
    waiting = disk.files()
    assert len(waiting) > 2
    assert all(name.endswith(".journal") for name in waiting)
    disk.journal.known([settlement(1)])
    assert [".done"] * (len(waiting) - 1) + [".journal"] == [name[8:] for name in disk.files()]


def test_another_session_has_a_journal_of_its_own(disk: Disk) -> None:
    sent(disk.journal, 1)
    sent(disk.journal, 2, NEXT)
    headers = [disk.read(number).header for number in (1, 2)]
    assert [ME.id, NEXT.id] == [header and header.session for header in headers]


def test_fault_91_on_a_full_disk_mail_goes_on_and_the_journal_says_that_lines_are_missing(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.journal.begun(mail(1), "mx")
    disk.full = True
    disk.journal.dotted(mail(1))
    disk.journal.flush()
    for number in range(2, 5):
        sent(disk.journal, number)
    header = disk.read(1).header
    assert header is not None
    assert not header.whole
    assert [record.__dict__["outbox"]["event"] for record in caplog.records] == ["journal_failed"]
    assert "No space left on device" in caplog.text


def test_fault_91_when_there_is_room_again_a_new_journal_still_says_that_lines_are_missing(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    sent(disk.journal, 1)
    disk.full = True
    sent(disk.journal, 2)
    disk.full = False
    disk.now = RETRY - 0.1
    sent(disk.journal, 3)
    assert disk.files() == ["00000001.journal"]
    disk.now = RETRY
    sent(disk.journal, 4)
    contents = disk.read(2)
    assert contents.header is not None
    assert not contents.header.whole
    assert contents.records[:2] == [Begun(key(4)), Dotted(key(4))]
    assert caplog.records[-1].__dict__["outbox"]["event"] == "journal_back"
    # What the next session does is all in its own.
    sent(disk.journal, 5, NEXT)
    header = disk.read(3).header
    assert header is not None
    assert header.whole


def test_fault_91_a_line_that_is_missing_is_not_forgotten_however_soon_there_is_room(disk: Disk) -> None:
    disk.journal.begun(mail(1), "mx")
    disk.full = True
    disk.journal.dotted(mail(1))
    disk.journal.flush()
    disk.full, disk.now = False, RETRY
    assert disk.journal.begin(ME.id)
    header = disk.read(2).header
    assert header is not None
    assert not header.whole


def test_fault_91_nor_is_that_another_session_began_meanwhile(disk: Disk) -> None:
    disk.full = True
    assert not disk.journal.begin(ME.id)
    sent(disk.journal, 2, NEXT)
    disk.full, disk.now = False, RETRY
    sent(disk.journal, 3, NEXT)
    (file,) = disk.path.iterdir()
    header = decode(file.read_bytes()).header
    assert header is not None
    assert (header.session, header.whole) == (NEXT.id, False)


def test_fault_91_a_journal_that_cannot_even_say_so_is_not_read_any_more(disk: Disk) -> None:
    disk.journal.begun(mail(1), "mx")
    disk.full = disk.worn = True
    disk.journal.dotted(mail(1))
    disk.journal.flush()
    assert disk.files() == ["00000001.done"]


def test_fault_91_a_session_that_began_without_a_journal_never_has_a_whole_one(disk: Disk) -> None:
    disk.full = True
    assert not disk.journal.begin(ME.id)
    disk.journal.begun(mail(1), "mx")
    disk.full, disk.now = False, RETRY
    assert disk.journal.begin(ME.id)
    header = disk.read(2).header
    assert header is not None
    assert not header.whole


def test_a_directory_that_takes_no_new_file_keeps_the_old_one_going(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SIZE", 400)
    disk.journal.begin(ME.id)

    def unwritable(*_: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", unwritable)
    for number in range(1, 4):
        sent(disk.journal, number)
    assert disk.files() == ["00000001.journal"]
    header = disk.read(1).header
    assert header is not None
    assert header.whole
    assert len([each for each in disk.read(1).records if isinstance(each, Dotted)]) == 3
    assert "Permission denied" in caplog.text


def test_without_a_directory_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    journal = Journaling(None, "mx")
    assert journal.open() is None
    sent(journal, 1)
    journal.close()
    assert [record.__dict__["outbox"]["event"] for record in caplog.records] == ["journal_off"]


def test_a_new_epoch_begins_a_new_journal_and_forgets_what_was_confirmed(disk: Disk) -> None:
    disk.journal.begin(ME.id)
    sent(disk.journal, 1)
    assert len(disk.journal.ended) == 1
    disk.journal.turn("a database", 3)
    assert not disk.journal.ended
    folder = disk.journal.folder
    assert folder is not None
    headers = [decode(left.data).header for left in folder.all()]
    assert [(each.database, each.epoch) for each in headers if each] == [("", 0), ("a database", 3)]


def test_the_same_epoch_again_begins_no_journal(disk: Disk) -> None:
    disk.journal.begin(ME.id)
    for _ in range(3):
        disk.journal.turn("a database", 3)
    assert len(disk.files()) == 2


def test_fault_92_a_directory_is_let_go_at_the_end_and_not_before(disk: Disk) -> None:
    with pytest.raises(StateDirectoryError):
        Journaling(disk.path.parent, "mx").open()
    disk.journal.close()
    again = Journaling(disk.path.parent, "mx")
    assert again.open() is not None
    again.close()
