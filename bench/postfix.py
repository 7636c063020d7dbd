"""Postfix's own test programs: the server that takes all mail of the benchmark, and the client beside us."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.missing import MissingError

HOST = "127.0.0.1"
_START = 10.0
_BACKLOG = "1000"


def program(name: str) -> str:
    """Return the path of a program of Postfix, which stands where a user's PATH may not look."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise MissingError(f"{name} is missing. Install Postfix, on Debian: apt-get install postfix")
    return path


@contextmanager
def sink() -> Iterator[int]:
    """Run an `smtp-sink`, which takes every mail and keeps none; give its port on 127.0.0.1."""
    port = _free_port()
    # smtp-sink refuses to stay root.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program("smtp-sink"), *user, f"{HOST}:{port}", _BACKLOG])
    try:
        _wait_for(process, port)
        yield port
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
