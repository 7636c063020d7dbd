"""A receiving server whose ledger proves afterwards what arrived, how often, and unharmed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.folder import make_folder, remove_folder
from tests.support.waiting import answers, free_port, wait_until

_SERVER = Path(__file__).with_name("ledger_server.py")
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient of one mail that arrived: `body_hash` is the SHA-256 (hex) of the unstuffed body."""

    message_id: str
    recipient: str
    body_hash: str


class LedgerSink:
    """The server as a process of its own, in a `with` block; its ledger outlives `stop` and `start`.

    With `user` and `password` it requires AUTH PLAIN (without TLS); `set_password` changes what it wants.
    """

    def __init__(self, *, user: str | None = None, password: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = user
        self._folder = make_folder("ledger", None)
        self._ledger = self._folder / "ledger"
        self._control = self._folder / "auth.json"
        self._process: subprocess.Popen[bytes] | None = None
        if user is not None:
            self.set_password(password)

    def set_password(self, password: str) -> None:
        """Want this password from the next AUTH on; logins with another get 535."""
        unfinished = self._control.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"user": self.user, "password": password}))
        unfinished.replace(self._control)

    def start(self) -> None:
        """Start it on its port and return when it takes connections."""
        auth = ["--auth", str(self._control)] if self.user is not None else []
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER), "--port", str(self.port), "--ledger", str(self._ledger), *auth],
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
        if not self._ledger.exists():
            return []
        *lines, _ = self._ledger.read_text(encoding="utf-8").split("\n")
        fields = (line.split("\t") for line in lines)
        return [Entry(*each) for each in fields if len(each) == _FIELDS]

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
