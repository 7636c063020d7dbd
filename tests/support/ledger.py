"""A receiving server whose ledger proves afterwards what arrived, how often, and unharmed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Self

from tests.support.folder import make_folder, remove_folder
from tests.support.waiting import answers, free_port, wait_until

_SERVER = Path(__file__).with_name("ledger_server.py")
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient of one mail that arrived: `body_hash` is the SHA-256 (hex) of the unstuffed body.

    `client` is who brought it, by its name in EHLO: two entries with the same arrivals are equal without it.
    """

    message_id: str
    recipient: str
    body_hash: str
    client: str = field(default="", compare=False)


class LedgerSink:
    """The server as a process of its own, in a `with` block; its ledger outlives `stop` and `start`.

    With `user` and `password` it requires AUTH PLAIN (without TLS); `set_password` changes what it wants.
    Each mail takes it `delay` seconds.
    """

    def __init__(self, *, user: str | None = None, password: str = "", delay: float = 0) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = user
        self._delay = delay
        self._folder = make_folder("ledger", None)
        self._ledger = self._folder / "ledger"
        self._control = self._folder / "auth.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._entries: list[Entry] = []
        self._read = 0
        self._reading = Lock()
        if user is not None:
            self.set_password(password)

    def set_password(self, password: str) -> None:
        """Want this password from the next AUTH on; logins with another get 535."""
        unfinished = self._control.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"user": self.user, "password": password}))
        unfinished.replace(self._control)

    def start(self) -> None:
        """Start it on its port and return when it takes connections."""
        settings = ["--port", str(self.port), "--ledger", str(self._ledger), "--delay", str(self._delay)]
        auth = ["--auth", str(self._control)] if self.user is not None else []
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER), *settings, *auth],
            stdin=subprocess.DEVNULL,
            # Nothing of the tests' environment (coverage, PYTHONPATH) concerns this process.
            env={"PATH": os.environ.get("PATH", "")},
        )
        wait_until(self._is_ready, f"the ledger sink answers on port {self.port}")

    def stop(self) -> None:
        """Kill it where it stands; what it answered is in the ledger."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def entries(self) -> list[Entry]:
        """Return what the ledger holds, in order of arrival; a half-written last line was never answered."""
        # Several threads ask, and none may read on from where another has not yet read to.
        with self._reading:
            if self._ledger.exists():
                with self._ledger.open("rb") as ledger:
                    ledger.seek(self._read)
                    new = ledger.read()
                *lines, _ = new.split(b"\n")
                self._read += sum(len(line) + 1 for line in lines)
                fields = (line.decode().split("\t") for line in lines)
                self._entries += [Entry(*each) for each in fields if len(each) == _FIELDS]
            return list(self._entries)

    def wait_entries(self, count: int, timeout: float = 60) -> list[Entry]:
        """Return `entries()` once there are at least `count`."""
        wait_until(lambda: len(self.entries()) >= count, f"{count} entries are in the ledger", timeout)
        return self.entries()

    def wait_quiet(self) -> list[Entry]:
        """Return `entries()` once none is added any more: a dead client's last bytes count, too."""
        looks = [-1, -2, -3, -4, -5]

        def is_quiet() -> bool:
            looks.append(len(self.entries()))
            return len(set(looks[-5:])) == 1

        wait_until(is_quiet, "the ledger is quiet")
        return self.entries()

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the ledger sink ended with code {self._process.returncode}")
        return answers(self.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        remove_folder(self._folder)
