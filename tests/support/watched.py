"""A daemon under a service manager that hears its words, and a relay that keeps it from ending at once."""

import signal
import socket
import threading
from pathlib import Path

from outbox.testing import FaultyServer
from tests.support.daemon import RunningDaemon
from tests.support.waiting import wait_until

RELOADED = ("READY=1", "RELOADING=1", "READY=1")
"""What systemd has heard of a daemon that has reloaded once."""


class Watched(RunningDaemon):
    """A daemon whose words to systemd are heard, and whose settings stand in outbox.toml."""

    def __init__(self, url: str, folder: Path, port: int) -> None:
        super().__init__(url, folder, port=port)
        self.toml = folder / "outbox.toml"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self._heard: list[str] = []
        kept = {"PATH", "PYTHONPATH", "OUTBOX_SMTP_TLS", "OUTBOX_POLL_INTERVAL"}
        self._environment = {name: value for name, value in self._environment.items() if name in kept}
        self._environment |= {"NOTIFY_SOCKET": str(folder / "notify"), "OUTBOX_STATE_DIR": str(folder)}
        self._told = {"database_url": url, "smtp_host": "127.0.0.1", "smtp_port": port}
        self.tell()

    def tell(self, *lines: str, **changes: object) -> None:
        """Write the settings, with changes of them that stay, and lines that are gone the next time."""
        self._told |= changes
        told = [f"{name} = {value!r}" for name, value in self._told.items()]
        self.toml.write_text("\n".join([*told, *lines]))

    def reload(self) -> None:
        self.send(signal.SIGHUP)

    def heard(self) -> list[str]:
        """Return all that systemd has heard of its state, without the times."""
        self._manager.setblocking(False)  # noqa: FBT003 - its own signature
        while True:
            try:
                self._heard.append(self._manager.recv(10_000).decode())
            except BlockingIOError:
                break
        states = [word.splitlines()[0] for word in self._heard]
        return [state for state in states if not state.startswith(("STATUS", "WATCHDOG"))]

    def wait_heard(self, *expected: str) -> None:
        wait_until(lambda: self.heard() == [*expected], f"systemd has heard {expected}")

    def status(self) -> str:
        """Return the last status line."""
        self.heard()
        lines = [word.removeprefix("STATUS=") for word in self._heard if word.startswith("STATUS=")]
        return lines[-1] if lines else ""

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._manager.close()


class Thinking(FaultyServer):
    """A relay that thinks about the end of each mail until it is let."""

    def __init__(self) -> None:
        super().__init__(end_of_data=self._think)
        self.thinks = threading.Event()
        self.may_answer = threading.Event()

    def _think(self, _: object) -> None:
        self.thinks.set()
        assert self.may_answer.wait(30)
