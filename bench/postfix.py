"""Postfix's own test programs: the server that takes all mail of the benchmark, and the client beside us."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.missing import MissingError

HOST = "127.0.0.1"
_START = 10.0
_BACKLOG = "1000"
_MAILS = re.compile(rb"mesg=(\d+)\r")
# A line of the counts ends with a carriage return alone, and has far less than this.
_TAIL = 400


def program(name: str) -> str:
    """Return the path of a program of Postfix, which stands where a user's PATH may not look."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise MissingError(f"{name} is missing. Install Postfix, on Debian: apt-get install postfix")
    return path


@contextmanager
def sink() -> Iterator[int]:
    """Run an `smtp-sink`, which takes every mail and keeps none; give its port on 127.0.0.1."""
    with _sink() as (port, _):
        yield port


@dataclass(frozen=True, slots=True)
class CountingSink:
    """An `smtp-sink` that says how many mails it has taken: each time that one came, duplicates too."""

    port: int
    pid: int
    _file: Path

    def taken(self) -> int:
        """Return how many mails it has taken so far; costs the database nothing."""
        with self._file.open("rb") as file:
            file.seek(max(0, self._file.stat().st_size - _TAIL))
            return last_count(file.read())


@contextmanager
def counting_sink() -> Iterator[CountingSink]:
    """Run an `smtp-sink` that counts."""
    with tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
        file = Path(folder) / "counts"
        with file.open("wb") as counts, _sink("-c", stdout=counts) as (port, pid):
            yield CountingSink(port, pid, file)


def last_count(counts: bytes) -> int:
    """Return the mails in the last whole line that `smtp-sink -c` wrote; 0 before the first."""
    found = _MAILS.findall(counts)
    return int(found[-1]) if found else 0


@contextmanager
def _sink(*options: str, stdout: IO[bytes] | None = None) -> Iterator[tuple[int, int]]:
    port = _free_port()
    # smtp-sink refuses to stay root.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program("smtp-sink"), *options, *user, f"{HOST}:{port}", _BACKLOG], stdout=stdout
    )
    try:
        _wait_for(process, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(_START)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"smtp-sink does not answer on {HOST}:{port}")
