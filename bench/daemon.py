"""The daemon as a process of its own, with nothing of our environment but what it is told here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.postfix import HOST

CONNECTIONS = 4
REAL = ("-m", "outbox", "run")
_ROOT = Path(__file__).resolve().parent.parent
_STOP = 30.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon: its process, and the file that it logs to."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self.process.pid


@contextmanager
def daemon(
    url: str, port: int, folder: Path, command: Sequence[str] = REAL, **settings: str
) -> Iterator[Daemon]:
    """Run a daemon that sends from `url` to `port`, with more settings by name; let it drain at the end."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(_ROOT),
        "OUTBOX_DATABASE_URL": url,
        "OUTBOX_SMTP_HOST": HOST,
        "OUTBOX_SMTP_PORT": str(port),
        "OUTBOX_SMTP_TLS": "none",
        "OUTBOX_CONNECTIONS": str(CONNECTIONS),
        **{f"OUTBOX_{name.upper()}": value for name, value in settings.items()},
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
            yield Daemon(process, log_file)
            process.send_signal(signal.SIGTERM)
            code = process.wait(_STOP)
        finally:
            process.kill()
            process.wait()
    if code != 0:
        raise RuntimeError(f"the daemon ended with {code}:\n{log_file.read_text()}")


@contextmanager
def daemons(number: int, url: str, port: int, folder: Path) -> Iterator[list[Daemon]]:
    """Run so many daemons beside each other."""
    with ExitStack() as stack:
        running = []
        for n in range(number):
            own = folder / f"daemon-{n}"
            own.mkdir()
            running.append(stack.enter_context(daemon(url, port, own)))
        yield running


def until(
    reached: Callable[[], bool],
    pause: float,
    within: float,
    running: Sequence[Daemon],
    state: Callable[[], object],
) -> None:
    """Look every `pause` seconds until it is reached; complain, with `state` and the logs, where that fails.

    It fails after `within` seconds, or when one of the running daemons has ended.
    """
    deadline = time.monotonic() + within
    while not reached():
        if time.monotonic() > deadline or any(one.process.poll() is not None for one in running):
            logs = "\n".join(one.log.read_text() for one in running)
            raise RuntimeError(f"a daemon ended or hangs at {state()}:\n{logs}")
        time.sleep(pause)
