"""What becomes of a command whose output nobody takes: a full disk, or a reader that has gone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.support.daemon import application

pytestmark = pytest.mark.usefixtures("no_settings")


def run(url: str, *args: str, out: IO[bytes] | int) -> tuple[int, str]:
    """Run a command as a shell does; return its exit code, and what it said on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "outbox", *args],
        env={**os.environ, "OUTBOX_DATABASE_URL": url},
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("args", [["list"], ["list", "--json"], ["config", "show"], ["list", "--help"]])
def test_a_full_disk_is_told_in_one_line_and_ends_with_74(sqlite_url: str, args: list[str]) -> None:
    with application(sqlite_url) as app, Path("/dev/full").open("wb") as full:
        app.enqueue(2)
        code, told = run(sqlite_url, *args, out=full)
    assert told.startswith("Error: The output cannot be written: No space left on device. ")
    assert (code, told.count("\n")) == (74, 1)


def test_a_reader_that_has_seen_enough_ends_a_command_without_a_word(sqlite_url: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with application(sqlite_url) as app:
            app.enqueue(2)
            assert run(sqlite_url, "list", out=writer) == (1, "")
    finally:
        os.close(writer)
