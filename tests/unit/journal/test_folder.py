"""The directory of journals is one daemon's, its files are nobody else's to read, and old ones go."""

import errno
import os
import stat
from pathlib import Path
from uuid import UUID

import pytest

from outbox.errors import StateDirectoryError
from outbox.journal.folder import KEPT, MOST, Folder
from outbox.journal.format import decode, encode_header
from outbox.journal.record import Header

HEADER = Header(UUID(int=7), "host", "boot", "mx")


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def test_fault_92_a_second_daemon_is_refused_until_the_first_has_let_go(tmp_path: Path) -> None:
    first = Folder(tmp_path)
    with pytest.raises(StateDirectoryError, match=r"another daemon works in .* OUTBOX_STATE_DIR"):
        Folder(tmp_path)
    first.close()
    Folder(tmp_path).close()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = Folder(tmp_path / "journal")
        folder.create(HEADER).close()
    finally:
        os.umask(before)
    (file,) = (tmp_path / "journal").iterdir()
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    folder.close()


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / "missing" / "journal")


def test_what_an_earlier_run_left_is_read_in_order_and_never_written_to(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    files = [folder.create(HEADER) for _ in range(3)]
    files[0].write(b"one\n")
    files[2].write(b"three\n")
    folder.finish(2)
    folder.close()
    (tmp_path / "notes.txt").write_text("of somebody")
    again = Folder(tmp_path)
    assert again.first == 4
    assert [(left.number, left.data.partition(b"\n")[2]) for left in again.left()] == [
        (1, b"one\n"),
        (3, b"three\n"),
    ]
    assert again.create(HEADER).number == 4
    again.close()


def test_old_journals_are_deleted_and_of_the_done_ones_those_that_are_too_many(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for number in range(1, MOST + 3):
        folder.create(HEADER).close()
        folder.finish(number)
    now = (tmp_path / "00000002.done").stat().st_mtime
    (tmp_path / "00000001.done").rename(tmp_path / "00000001.journal")
    os.utime(tmp_path / "00000009.done", (now, now - KEPT - 1))
    folder.prune(now)
    gone = {f"{number:08d}.done" for number in range(1, MOST + 3)} - set(names(tmp_path))
    assert gone == {"00000001.done", "00000002.done", "00000009.done"}
    assert "00000001.journal" in names(tmp_path)
    folder.close()


def test_a_full_disk_leaves_no_file_without_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = Folder(tmp_path)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        folder.create(HEADER)
    assert names(tmp_path) == []
    folder.close()


def test_a_write_that_takes_only_a_part_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    folder = Folder(tmp_path)
    file = folder.create(HEADER)
    file.write(b"a longer line\n")
    (left,) = folder.left()
    assert left.data.endswith(b"\na longer line\n")
    assert len(left.data) == file.size
    folder.close()


def test_a_header_is_written_over_in_place(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    file = folder.create(HEADER)
    file.write(b"a line\n")
    file.rewrite(Header(HEADER.session, HEADER.host, HEADER.boot, HEADER.relay, whole=False))
    file.write(b"another\n")
    (left,) = folder.left()
    header = decode(left.data).header
    assert header is not None
    assert not header.whole
    assert left.data.endswith(b"\na line\nanother\n")
    folder.close()


def test_all_journals_are_read_the_oldest_first_and_the_newest_is_known(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "journal")
    assert (list(folder.all()), folder.newest()) == ([], None)
    for _ in range(3):
        folder.create(HEADER).close()
    folder.finish(1)
    names = ["00000001.done", "00000002.journal", "00000003.journal"]
    assert names == [left.name for left in folder.all()]
    newest = folder.newest()
    assert newest is not None
    assert (newest.number, newest.data) == (3, encode_header(HEADER))


def test_a_journal_that_is_finished_or_deleted_while_all_are_read_is_no_error(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "journal")
    for _ in range(3):
        folder.create(HEADER).close()
    reading = folder.all()
    assert next(reading).number == 1
    folder.finish(2)
    (tmp_path / "journal" / "00000003.journal").unlink()
    assert [left.name for left in reading] == ["00000002.done"]
