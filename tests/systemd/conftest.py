"""The machine of these tests, and the services that they start on it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import pytest

from tests.support.daemon import Application, application
from tests.support.machine import USERS, Machine
from tests.support.waiting import wait_until

_HOOKS = Path(__file__).resolve().parent / "hooks"


class Service:
    """`outbox@NAME.service` on a machine, with an SQLite file of its own in its state directory.

    It reads /etc/outbox/NAME.toml; `drop_in` is more of its unit.
    """

    def __init__(self, machine: Machine, name: str, port: int, *drop_in: str) -> None:
        self.unit = f"outbox@{name}.service"
        self.state = machine.lib / f"outbox-{name}"
        self._machine = machine
        self._toml = machine.etc / f"{name}.toml"
        self._drop_in = ["RestartSec=0", "WatchdogSec=3", *drop_in]
        self._told: dict[str, object] = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none"}
        self._stack = ExitStack()
        self.app: Application

    def tell(self, *lines: str, **changes: object) -> None:
        """Write the settings, with changes of them that stay, and lines that are gone the next time."""
        self._told |= changes
        told = [f"{name} = {value!r}" for name, value in self._told.items()]
        self._toml.write_text("\n".join([*told, *lines]))

    def do(self, verb: str, *options: str) -> None:
        """Do as `systemctl VERB` does."""
        self._machine.call("systemctl", verb, *options, self.unit)

    def shown(self, name: str) -> str:
        """Return one property."""
        return self._machine.show(self.unit)[name]

    def wait_shown(self, name: str, expected: str) -> None:
        """Wait until a property begins so."""
        wait_until(lambda: self.shown(name).startswith(expected), f"{self.unit}: {name} is {expected}")

    def wait_status(self, words: str) -> None:
        """Wait until words stand in the status line."""
        wait_until(lambda: words in self.shown("StatusText"), f"{self.unit} shows {words!r}")

    def journal(self) -> str:
        """Return what it has logged, and systemd of it."""
        return self._machine.journal(self.unit)

    def wedge(self, how: str) -> None:
        """Have it do at its next look what hooks/sitecustomize.py says."""
        (self.state / how).touch()

    def let_go(self) -> None:
        """End a hold."""
        (self.state / "hold").unlink()

    def __enter__(self) -> Self:
        self.state.mkdir()
        file = self.state / "outbox.sqlite3"
        self.app = self._stack.enter_context(application(f"sqlite:///{file}"))
        for path in (self.state, *self.state.iterdir()):
            os.chown(path, USERS["outbox"], USERS["outbox"])
        folder = self._machine.units / f"{self.unit}.d"
        folder.mkdir()
        (folder / "tests.conf").write_text("\n".join(["[Service]", *self._drop_in]))
        self.tell()
        self._machine.call("systemctl", "daemon-reload")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        with suppress(RuntimeError):  # it has ended by itself
            self.do("kill", "--signal=SIGKILL")
        self.do("stop")


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Give the one machine of all tests: to boot it takes as long as any of them."""
    with Machine(_HOOKS) as machine:
        yield machine


@pytest.fixture(autouse=True)
def _tell_of_the_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what the services have logged, which is shown where a test fails."""
    # Asked for first, so that it is taken down last.
    machine: Machine | None = (
        request.getfixturevalue("machine") if "machine" in request.fixturenames else None
    )
    yield
    if machine is not None:
        print(machine.call("journalctl", "--quiet", "--lines=60", "--output=short-precise"))  # noqa: T201
