"""Each step is in the journal before it is taken."""

import pytest

from outbox.errors import StateDirectoryError
from outbox.journal.format import decode
from outbox.journal.record import Answered, Begun, Dotted, Known
from outbox.worker import journaling as module
from outbox.worker.journaling import Journaling
from tests.unit.worker.disk import ME, NEXT, SENT, Disk, key, mail, sent
from tests.unit.worker.held import settlement


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


def test_what_is_begun_again_in_another_file_keeps_the_first_one_open(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.journal.begin(ME.id)
    again = mail(1)
    disk.journal.begun(again, "mx")
    disk.journal.known([])
    monkeypatch.setattr(module, "SIZE", 400)
    disk.journal.turn("another", 1)
    # Over another connection: the first had left it untouched.
    disk.journal.begun(again, "mx")
    for number in range(2, 9):
        sent(disk.journal, number)
    assert "00000001.journal" in disk.files()
    disk.journal.known([settlement(1)])
    assert "00000001.done" in disk.files()


def test_another_session_has_a_journal_of_its_own(disk: Disk) -> None:
    sent(disk.journal, 1)
    sent(disk.journal, 2, NEXT)
    headers = [disk.read(number).header for number in (1, 2)]
    assert [ME.id, NEXT.id] == [header and header.session for header in headers]


def test_without_a_directory_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    journal = Journaling(None, "mx")
    assert (journal.open(), journal.state) == (None, "off")
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


def test_what_the_row_of_its_session_has_counted_is_noted_once_and_in_each_file(disk: Disk) -> None:
    disk.journal.begin(ME.id)
    disk.journal.counted(ME.id, 3)
    written = len(disk.writes)
    disk.journal.counted(ME.id, 3)
    assert len(disk.writes) == written
    assert disk.read(1).counted == 3
    disk.journal.turn("db", 2)
    disk.journal.counted(ME.id, 3)
    disk.journal.counted(ME.id, 5)
    assert disk.read(2).counted == 5


def test_what_another_session_has_counted_is_not_noted(disk: Disk) -> None:
    disk.journal.counted(ME.id, 3)
    disk.journal.begin(ME.id)
    disk.journal.counted(NEXT.id, 3)
    disk.journal.begin(NEXT.id)
    disk.journal.counted(ME.id, 3)
    assert (disk.read(1).counted, disk.read(2).counted) == (0, 0)
    # It begins anew.
    disk.journal.counted(NEXT.id, 3)
    assert disk.read(2).counted == 3


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
