"""What systemd hears of the daemon, over a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from outbox.worker import notify
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
    notifier.status("7 connections")
    notifier.stopping()
    notifier.stopping()
    assert hear(manager) == [b"READY=1", b"WATCHDOG=1", b"STATUS=7 connections", b"STOPPING=1"]


def test_a_reload_ends_with_a_new_readiness(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.reloading()
    notifier.unchanged()
    (early,) = hear(manager)
    assert early.startswith(b"RELOADING=1\nMONOTONIC_USEC="), "nothing was ready before"
    notifier.ready()
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    notifier.unchanged()
    notifier.reloading()
    notifier.ready()
    first, reloading, second, again, third = hear(manager)
    assert (first, second, third) == (b"READY=1",) * 3
    times = [int(word.removeprefix(b"RELOADING=1\nMONOTONIC_USEC=")) for word in (reloading, again)]
    times = [before, *times, time.monotonic_ns() // 1000]
    assert times == sorted(times)


def test_a_remark_ends_each_status_line(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.remark = "reload refused"
    notifier.status("main is idle")
    notifier.status("")
    notifier.remark = ""
    notifier.status("main is idle")
    assert hear(manager) == [
        b"STATUS=main is idle; reload refused",
        b"STATUS=reload refused",
        b"STATUS=main is idle",
    ]


@pytest.mark.parametrize(
    ("span", "pid", "expected"),
    [
        ("60000000", None, 60.0),
        ("1500000", "mine", 1.5),
        ("60000000", "1", None),
        ("0", "mine", None),
        ("soon", None, None),
        (None, "mine", None),
    ],
)
def test_the_watchdogs_interval_is_that_of_this_process(
    monkeypatch: pytest.MonkeyPatch, span: str | None, pid: str | None, expected: float | None
) -> None:
    pid = str(os.getpid()) if pid == "mine" else pid
    for name, value in (("WATCHDOG_USEC", span), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Notifier.from_environment().interval == expected
    assert not {"WATCHDOG_USEC", "WATCHDOG_PID"} & os.environ.keys()


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


def test_a_manager_that_reads_no_more_keeps_nobody_waiting(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "PATIENCE", 0.01)
    notifier = Notifier(manager.getsockname())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        others.setblocking(False)  # noqa: FBT003 - its own signature
        others.connect(manager.getsockname())
        with suppress(BlockingIOError):
            while True:
                others.send(b"full")
    notifier.status("nobody hears this")
    assert {*hear(manager)} == {b"full"}
    notifier.ready()
    assert hear(manager) == [b"READY=1"]
