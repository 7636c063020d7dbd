"""The directory of one daemon's journals: locked while it runs, so who holds it knows the last one gone.

A file `NUMBER.journal` may name mail whose end the database does not know; `NUMBER.done` does not, and is
kept for people. Nothing here is ever synchronised to the disk: it outlives the process, not a power cut.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outbox.errors import StateDirectoryError
from outbox.journal.format import encode_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outbox.journal.record import Header

KEPT = 72 * 3600.0
"""Seconds for which a journal is kept after its last line."""

MOST = 256
"""Journals that are kept at most, the newest: a gigabyte."""

_OPEN, _DONE = ".journal", ".done"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the name of this run of the host's kernel; empty where nobody can tell."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Left:
    """A journal that an earlier run has left open."""

    number: int
    name: str
    data: bytes


class File:
    """The journal that is being written, of which nobody else knows the end."""

    def __init__(self, path: Path, number: int, header: Header) -> None:
        self.number = number
        self.size = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self.write(encode_header(header))
        except OSError:
            self.close()
            with suppress(OSError):
                path.unlink()
            raise

    def write(self, data: bytes) -> None:
        """Hand these bytes to the kernel: from now on they outlive this process. Raises OSError."""
        while (written := os.write(self._fd, data)) < len(data):
            self.size += written
            data = data[written:]
        self.size += written

    def rewrite(self, header: Header) -> None:
        """Write another header, as long, over the first: that needs no room on the disk. Raises OSError."""
        os.pwrite(self._fd, encode_header(header), 0)

    def close(self) -> None:
        """Write no more."""
        os.close(self._fd)


class Folder:
    """The journals in `path`, which is made if need be; `now` is by the clock of the files' times.

    Raises StateDirectoryError where another daemon works in it, and OSError where it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, exist_ok=True)
        # The directory itself is locked: that works on a full disk, too, and ends with the process.
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise StateDirectoryError(str(path)) from None
        self._next = max((int(each.stem) for each in self._files()), default=0) + 1
        self.first = self._next
        """The number of the first journal of this run: those before are of processes that are gone."""

    def left(self) -> list[Left]:
        """Return the open journals of earlier runs, the oldest first."""
        return [Left(int(each.stem), each.name, each.read_bytes()) for each in self._files(_OPEN)]

    def all(self) -> Iterator[Left]:
        """Read every journal, the oldest first, one at a time; what is deleted meanwhile is left out."""
        for each in self._files():
            # It may be finished, and so renamed, while the others are read.
            for path in (each, each.with_suffix(_DONE)):
                with suppress(FileNotFoundError):
                    yield Left(int(each.stem), path.name, path.read_bytes())
                    break

    def newest(self) -> Left | None:
        """Return the last journal that was begun, or None."""
        files = self._files()
        return Left(int(files[-1].stem), files[-1].name, files[-1].read_bytes()) if files else None

    def create(self, header: Header) -> File:
        """Begin a new journal."""
        number, self._next = self._next, self._next + 1
        return File(self._path(number, _OPEN), number, header)

    def finish(self, number: int) -> None:
        """Note that the database knows all that this journal names; where that fails, it is read again."""
        with suppress(OSError):
            self._path(number, _OPEN).rename(self._path(number, _DONE))

    def prune(self, now: float) -> None:
        """Delete what is too old to be kept, and what is too much."""
        files = self._files()
        surplus = len(files) - MOST
        for position, file in enumerate(files):
            with suppress(OSError):
                if now - file.stat().st_mtime > KEPT or (position < surplus and file.suffix == _DONE):
                    file.unlink()

    def close(self) -> None:
        """Let another daemon work here."""
        os.close(self._fd)

    def _path(self, number: int, suffix: str) -> Path:
        return self.path / f"{number:08d}{suffix}"

    def _files(self, *suffixes: str) -> list[Path]:
        wanted = suffixes or (_OPEN, _DONE)
        found = [each for each in self.path.iterdir() if each.suffix in wanted and each.stem.isdecimal()]
        return sorted(found, key=lambda each: int(each.stem))
