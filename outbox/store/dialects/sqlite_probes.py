"""What `outbox check` asks of SQLite: of the library, and of the file and its directory."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from outbox.findings import Finding, fault, ok, warning
from outbox.store.dialects.probing import Probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

_JOURNAL = text("PRAGMA journal_mode")
_LEAST_ROOM = 100 * 1024 * 1024
_FIXED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first releases of their series that corrupt no database by a reset of the WAL (sqlite.org/wal.html)."""


def probes(_largest: int) -> Sequence[Probe]:
    """Return the questions."""
    return (
        Probe("database, library", _library),
        Probe("database, journal mode", _journal_mode),
        Probe("database, file", _file),
        Probe("database, room", _room),
    )


def is_sound(version: tuple[int, ...]) -> bool:
    """Tell whether a release of SQLite resets its WAL without a fault."""
    return version >= _FIXED[-1] or any(
        version[:2] == first[:2] and version >= first for first in _FIXED[:-1]
    )


def _library(connection: Connection) -> Iterable[Finding]:
    found = tuple(map(int, connection.dialect.server_version_info or ()))
    name = f"SQLite {'.'.join(map(str, found))}"
    if is_sound(found):
        yield ok("database, library", name)
    else:
        yield warning(
            "database, library",
            f"{name} may, rarely, corrupt a file that several processes write at the same time",
            "Use a Python built with SQLite 3.51.3 or newer, and keep backups.",
        )


def _journal_mode(connection: Connection) -> Iterable[Finding]:
    found = str(connection.execute(_JOURNAL).scalar_one())
    if found == "wal":
        yield ok("database, journal mode", "WAL")
    else:
        yield warning(
            "database, journal mode",
            f"{found}: who reads and who writes wait for each other",
            "Call outbox.prepare_sqlite(engine) in the application; the daemon turns it to WAL.",
        )


def _path(connection: Connection) -> Path | None:
    name = connection.engine.url.database or ""
    return None if not name or name.startswith("file:") else Path(name).resolve()


def _file(connection: Connection) -> Iterable[Finding]:
    path = _path(connection)
    if path is None:
        return
    refused = [str(each) for each in (path, path.parent) if not os.access(each, os.R_OK | os.W_OK)]
    if refused:
        yield fault(
            "database, file",
            f"this user may not write to {' and '.join(refused)}, where the file and its -wal and -shm are",
            "Let the daemon's group: chmod 660 for the file, 770 for its directory.",
        )
    elif path.stat().st_mode & stat.S_IRWXO and path.parent.stat().st_mode & stat.S_IXOTH:
        yield warning(
            "database, file",
            f"every user of this host may open {path}, and all mail in it",
            f"Close it: chmod o= {path}",
        )
    else:
        yield ok("database, file", f"{path}, closed to other users")


def _room(connection: Connection) -> Iterable[Finding]:
    path = _path(connection)
    if path is None:
        return
    free = shutil.disk_usage(path.parent).free
    if free < _LEAST_ROOM:
        yield warning(
            "database, room",
            f"{free // 1024 // 1024} MiB are free in {path.parent}",
            "Make room: a full disk takes no mail.",
        )
    else:
        yield ok("database, room", f"{free // 1024 // 1024} MiB are free")
