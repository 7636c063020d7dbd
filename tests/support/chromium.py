"""Chromium without a window: lay out a page, and read it or take a picture of it."""

import subprocess
from pathlib import Path

from tests.support.missing import binary

# Everything that could ask the network or a desktop is off; root, as in CI, has no sandbox.
ALONE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)
_PATIENCE = 120


def dom(page: Path) -> str:
    """Return the elements of the file `page` as HTML, after its scripts have run."""
    return _run(page, "--dump-dom")


def picture(page: Path, width: int, height: int, file: Path) -> None:
    """Write what a window of that size, in pixels, shows of `page`; the suffix of `file` is the format."""
    _run(page, f"--screenshot={file}", f"--window-size={width},{height}")


def _run(page: Path, *arguments: str) -> str:
    # A folder of its own for each run: two Chromiums do not share one.
    profile = f"--user-data-dir={page.parent / 'chromium'}"
    command = (binary("chromium", "chromium"), *ALONE, profile, *arguments, page.as_uri())
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE).stdout
