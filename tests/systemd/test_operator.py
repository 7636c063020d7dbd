"""A first hour as the operator's page has it: each command runs, in order, and prints what stands there."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from outbox.testing import FaultyServer
from tests.support.machine import Machine
from tests.support.tls import Authority
from tests.support.waiting import wait_until
from tests.support.wheel import build

pytestmark = pytest.mark.interop

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
_HOUR = PAGE.partition("## A first hour\n")[2].partition("\n## ")[0]
_STEP = re.compile(r"```console\n(.*?)```|^\*\*(.*?)\*\*", re.DOTALL | re.MULTILINE)
# An address of loopback that is ours, so that the relay can have the port that relays have.
_RELAY, _PORT = "127.0.58.7", 587
_LOOKS = ("outbox list", "outbox show", "outbox why", "outbox check", "systemctl status", "systemctl show")
"""What changes nothing: a person looks again when there is nothing to see yet, and so do we."""
_MAKE = "python3 -m venv "
# Behind that: pip, too, would count as installed.
_NEEDED = "cd /opt/outbox/.venv/lib/python3*/site-packages; echo /opt/outbox/packages > needed.pth"
_TRUSTED = "import ssl; print(ssl.get_default_verify_paths().openssl_cafile)"
_VARIES = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
    (r"<[0-9a-f]{32}@", "<ID@"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME"),
    (r"\w{3}, \d\d? \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    (r"\b(for|in) \d+ s\b", r"\1 SECONDS"),
    (r"\(sqlite [0-9.]+\)", "(sqlite VERSION)"),
    (r"tables of version \d{4}", "tables of version VERSION"),
    (r"email-outbox \d[0-9.a-z+]*\b", "email-outbox VERSION"),
    (r"Created symlink \W?(/\S+?)\W? (?:→|->) \W?(/\S+\w)\W*$", r"Created symlink \1 → \2."),
)


class Host:
    """A new host with a relay that it can reach: what the page takes for granted, and what happens there."""

    def __init__(self, machine: Machine, authority: Authority, stack: ExitStack) -> None:
        self._machine = machine
        self._authority = authority
        self._stack = stack
        self._refused: dict[str, str] = {}
        self._relay = self._start()
        # The Python of these tests. No index is asked: the wheel is ours, and what it needs is theirs.
        self._environment = {
            "PATH": "/opt/outbox/python/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "LD_LIBRARY_PATH": "/opt/outbox/python/lib",
            "SYSTEMD_UNIT_PATH": "/etc/systemd/system",
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_IGNORE_INSTALLED": "1",
            "PIP_FIND_LINKS": "/srv",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        for line in (
            f"echo {_RELAY} mail.example.org >> /etc/hosts",
            f'cat /srv/ca.pem >> "$(python3 -c "{_TRUSTED}")"',
        ):
            self._run(line)
        self.events: dict[str, Callable[[], object]] = {
            "The relay goes away.": self._relay.stop,
            "The relay is back.": self._come_back,
            "The relay refuses a recipient.": lambda: self._refused.update(bob="550 5.1.1 no such user"),
            "The mailbox is made.": self._refused.clear,
        }

    def does(self, command: str, expected: str) -> None:
        """Run a command of the page; raise AssertionError unless it prints this, at last if it only looks."""
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self._environment[name] = value
            return
        printed = [self._run(command)]
        if command.startswith(_MAKE):
            self._run(_NEEDED)
        if command.startswith(_LOOKS):
            with suppress(TimeoutError):
                wait_until(lambda: self._shows(command, expected, printed), command, 60)
        assert printed[-1] == expected, command

    def _shows(self, command: str, expected: str, printed: list[str]) -> bool:
        if printed[-1] != expected:
            printed.append(self._run(command))
        return printed[-1] == expected

    def _run(self, line: str) -> str:
        """Return what a line prints, on either way, without what varies; what acts and fails must say so."""
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        shell = f"cd /; {{ {line}\n}} 2>&1; echo $?"
        *lines, code = self._machine.call("env", "-i", *variables, "bash", "-c", shell).splitlines()
        is_told = any(each.startswith("Error: ") for each in lines)
        assert line.startswith(_LOOKS) or (code != "0") == is_told, (line, code, lines)
        return fixed("\n".join(lines))

    def _come_back(self) -> None:
        self._relay = self._start()

    def _start(self) -> FaultyServer:
        context = self._authority.server_context("mail.example.org")
        relay = FaultyServer(host=_RELAY, port=_PORT, tls=context, rcpt={"bob@example.net": self._of_bob})
        relay.start()
        self._stack.callback(relay.stop)
        return relay

    def _of_bob(self, _: object) -> str | None:
        return self._refused.get("bob")


def fixed(text: str) -> str:
    """Return `text` without what varies, and each gap as wide as any other."""
    for pattern, word in _VARIES:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return "\n".join(re.sub(r"(?<=\S) {2,}", "  ", line).rstrip() for line in text.strip().splitlines())


def told(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and what it prints."""
    for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = each.partition("\n")
        yield command, fixed(printed)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Give a machine on which nothing is installed; the wheel lies in its /srv."""
    with Machine() as machine:
        build(machine.srv, "--wheel")
        yield machine


def test_the_first_hour_goes_as_the_page_tells(machine: Machine) -> None:
    with ExitStack() as stack:
        host = Host(machine, Authority(machine.srv), stack)
        for block, event in _STEP.findall(_HOUR):
            if event:
                host.events.pop(event)()
            for command, printed in told(block):
                host.does(command, printed)
    assert not host.events
