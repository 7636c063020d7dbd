"""What the daemon needs of this host: a directory for its journal."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from typing import TYPE_CHECKING

from outbox.findings import Finding, fault, ok, unchecked, warning
from outbox.store.filesystem import network_filesystem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from outbox.settings import Settings

_JOURNAL = "journal"
_LEAST_ROOM = 64 * 1024 * 1024
"""Bytes: a journal ends at a few megabytes, and some are kept."""


def journal_findings(settings: Settings) -> Iterator[Finding]:
    """Look at the state directory."""
    path = settings.state_dir
    if path is None:
        yield unchecked(
            _JOURNAL,
            "no state_dir is set here; under systemd it is the unit's StateDirectory. Without one, what a "
            "killed daemon had in hand waits for its lease",
        )
    elif not path.exists():
        yield _missing(path)
    elif not path.is_dir():
        yield fault(_JOURNAL, f"{path} is no directory", "Give another in OUTBOX_STATE_DIR.")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield fault(
            _JOURNAL,
            f"this user may not write to {path}",
            f"Run this as the daemon's user, or: chown USER {path}",
        )
    else:
        yield from _of_directory(path)


def _missing(path: Path) -> Finding:
    # The daemon makes the last part of the path, and no more.
    if path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK):
        return ok(_JOURNAL, f"{path} is not there yet; the daemon makes it")
    return fault(_JOURNAL, f"there is no {path}, and this user may not make it", f"Make it: mkdir -p {path}")


def _of_directory(path: Path) -> Iterator[Finding]:
    works = "a daemon works" if _is_locked(path) else "no daemon works"
    yield ok(_JOURNAL, f"{path} can be written; {works} in it")
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield warning(
            "journal, mode",
            f"{path} is open to others ({stat.filemode(mode)}), and its files tell who got mail",
            f"Close it: chmod 700 {path}",
        )
    if (kind := network_filesystem(str(path))) is not None:
        yield warning(
            "journal, file system",
            f"{path} lies on a network file system ({kind}), where its lock cannot be relied on",
            "Give a directory on a disk of this host.",
        )
    free = shutil.disk_usage(path).free
    if free < _LEAST_ROOM:
        yield warning(
            "journal, room", f"{free // 1024 // 1024} MiB are free in {path}", "Make room for the journal."
        )


def _is_locked(path: Path) -> bool:
    """Tell whether a daemon has the directory; nothing in it is touched."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
