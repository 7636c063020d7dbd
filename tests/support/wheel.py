"""Build what a release ships, from this checkout, without asking an index."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, *options: str) -> None:
    """Build into `folder` a source distribution and the wheel from that, as a release does; or as told."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(folder), str(_ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
