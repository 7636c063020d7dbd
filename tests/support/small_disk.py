"""A file system of a few kilobytes, which a test fills and empties."""

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PAGE = 4096


class SmallDisk:
    """The one that is mounted at `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Leave no page of it free; what others have begun of a page is theirs."""
        with self._ballast.open("ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(_PAGE))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Give back what `fill` has taken."""
        self._ballast.unlink()


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[SmallDisk]:
    """Mount one at `place`, which is made; skip the test where that is forbidden, as in many containers.

    Also under CI: what is missing there could be installed, and this could not.
    """
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    outcome = subprocess.run(["mount", *options], capture_output=True, check=False, text=True)
    if outcome.returncode:
        pytest.skip(
            f"a small file system cannot be mounted here ({outcome.stderr.strip()}): "
            "run it as root, outside of a container."
        )
    try:
        yield SmallDisk(place)
    finally:
        _unmount(place)


def unmount_left_over(folder: Path) -> None:
    """Unmount what is mounted in `folder`: whoever was killed could not."""
    for place in folder.glob("*"):
        if place.is_mount():
            _unmount(place)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True)
