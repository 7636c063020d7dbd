"""The daemon as a process of its own, with nothing of our environment but what it is told here."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.postfix import HOST

CONNECTIONS = 4
REAL = ("-m", "outbox", "run")
_ROOT = Path(__file__).resolve().parent.parent
_STOP = 30.0


@contextmanager
def daemon(
    url: str, port: int, folder: Path, command: Sequence[str] = REAL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon that sends from `url` to `port`; give its process, and let it drain at the end."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(_ROOT),
        "OUTBOX_DATABASE_URL": url,
        "OUTBOX_SMTP_HOST": HOST,
        "OUTBOX_SMTP_PORT": str(port),
        "OUTBOX_SMTP_TLS": "none",
        "OUTBOX_CONNECTIONS": str(CONNECTIONS),
    }
    log_file = folder / "daemon.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            code = process.wait(_STOP)
        finally:
            process.kill()
            process.wait()
    if code != 0:
        raise RuntimeError(f"the daemon ended with {code}:\n{log_file.read_text()}")
