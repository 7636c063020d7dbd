"""The disk of a run that was killed stands in the way of no other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_disk import small_disk, unmount_left_over

_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.small_disk import small_disk
with small_disk(Path(sys.argv[1]), 64):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_has_mounted_is_unmounted_before_the_next(tmp_path: Path) -> None:
    with small_disk(tmp_path / "probe", 64):
        pass  # skipped where nothing may be mounted
    place = tmp_path / "journal"
    done = subprocess.run([sys.executable, "-c", _KILLED, str(place)], check=False, env=os.environ)
    assert (done.returncode, place.is_mount()) == (-signal.SIGKILL, True)
    with pytest.raises(OSError, match="busy"):
        place.rmdir()
    unmount_left_over(tmp_path)
    place.rmdir()
    unmount_left_over(tmp_path / "never made")
