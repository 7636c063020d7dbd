"""SQLite's file must lie on this host's own disk."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from outbox import UnsupportedDatabaseError
from outbox.store import filesystem
from outbox.store.database import Database
from outbox.store.filesystem import filesystem_of

MOUNTS = r"""
22 1 0:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:2 / /srv rw,relatime shared:2 - nfs4 files.example:/srv rw
31 30 0:3 / /srv/own rw,relatime - xfs /dev/sdb1 rw
32 22 0:4 / /mnt/two\040words rw - cifs //files.example/share rw
33 22 0:5 / /over rw - nfs files.example:/over rw
34 22 0:6 / /over rw - tmpfs tmpfs rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/app.sqlite3", "ext4"),
        ("/srv/app.sqlite3", "nfs4"),
        ("/srv/own/app.sqlite3", "xfs"),
        ("/srvice/app.sqlite3", "ext4"),
        ("/mnt/two words/app.sqlite3", "cifs"),
        ("/over/app.sqlite3", "tmpfs"),
    ],
)
def test_the_innermost_and_latest_mount_tells_the_kind(path: str, expected: str) -> None:
    assert expected == filesystem_of(path, MOUNTS)


def _as_if_mounted(monkeypatch: pytest.MonkeyPatch, folder: Path, kind: str) -> Database:
    file = folder / "mountinfo"
    file.write_text(f"22 1 0:1 / {folder} rw - {kind} somewhere rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", file)
    return Database(f"sqlite:///{folder / 'app.sqlite3'}")


def test_fault_28_a_database_file_on_another_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    database = _as_if_mounted(monkeypatch, tmp_path, "nfs4")
    with pytest.raises(UnsupportedDatabaseError, match=r"app\.sqlite3' lies on a network .*\(nfs4\)"):
        database.check()
    database.close()


def test_a_database_file_on_a_local_disk_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database = _as_if_mounted(monkeypatch, tmp_path, "ext4")
    database.read(database.dialect.check_version)
    database.close()


def test_where_nobody_can_tell_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "missing")
    engine = create_engine("sqlite://")
    assert filesystem.network_filesystem(str(engine.url.database)) is None
