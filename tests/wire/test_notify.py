"""What systemd hears of the daemon, over a real datagram socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox.worker.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Give the end of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        yield manager


def hear(manager: socket.socket) -> list[bytes]:
    """Return what has been said by now."""
    manager.setblocking(False)  # noqa: FBT003 - its own signature
    heard = []
    while True:
        try:
            heard.append(manager.recv(1000))
        except BlockingIOError:
            return heard


def test_every_word_arrives_and_readiness_is_told_once(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.ready()
    notifier.watchdog()
    notifier.ready()
    notifier.status("7 connections")
    notifier.stopping()
    assert hear(manager) == [b"READY=1", b"WATCHDOG=1", b"STATUS=7 connections", b"STOPPING=1"]


def test_an_address_of_the_abstract_namespace_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # Linux gives a free name in the abstract namespace
        name = manager.getsockname().decode()
        Notifier(f"@{name[1:]}").ready()
        assert hear(manager) == [b"READY=1"]


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify"])
def test_nobody_who_listens_is_no_fault(address: str | None) -> None:
    notifier = Notifier(address)
    notifier.ready()
    notifier.stopping()


def test_the_address_is_taken_out_of_the_environment(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    Notifier.from_environment().ready()
    Notifier.from_environment().ready()
    assert hear(manager) == [b"READY=1"]
