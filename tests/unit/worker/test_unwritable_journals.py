"""Where the journal cannot be written mail goes on, and the journal tells that it lacks something."""

import errno
import os

import pytest

from outbox.journal.format import decode
from outbox.journal.record import Begun, Dotted
from outbox.worker import journaling as module
from outbox.worker.journaling import RETRY
from tests.unit.worker.disk import ME, NEXT, Disk, key, mail, sent


def test_fault_91_on_a_full_disk_mail_goes_on_and_the_journal_says_that_lines_are_missing(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.journal.begun(mail(1), "mx")
    assert disk.journal.state == "written"
    disk.full = True
    disk.journal.dotted(mail(1))
    disk.journal.flush()
    for number in range(2, 5):
        sent(disk.journal, number)
    assert disk.journal.state == "failed"
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
    assert disk.journal.state == "written"
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
