"""Tell systemd how the daemon stands (sd_notify(3)); without systemd, tell nobody."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

PATIENCE = 0.5
"""Seconds that a word may wait for room at the service manager, which holds a few; then it is lost."""


class Notifier:
    """The way to the service manager that started this process, if one did.

    `address` is the value of NOTIFY_SOCKET; one that starts with @ is in the abstract namespace. `interval`
    is WatchdogSec in seconds, None where no watchdog waits for a word.
    """

    def __init__(self, address: str | None, interval: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self.interval = interval
        self.remark = ""
        """What the status line ends with until it is taken back."""
        self._is_ready = False
        self._was_ready = False
        self._is_stopping = False
        self._status = ""

    @classmethod
    def from_environment(cls) -> Notifier:
        """Return the notifier of this process, and hide it from processes that it may start."""
        address, span, pid = (
            os.environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        # As sd_watchdog_enabled(3): where a pid is named, the word is awaited of that process alone.
        is_watched = span.isdecimal() and int(span) > 0 and pid in {"", str(os.getpid())}
        return cls(address, int(span) / 1e6 if is_watched else None)

    @property
    def listens(self) -> bool:
        """Whether there is a service manager, which shows a status line."""
        return bool(self._address)

    def ready(self) -> None:
        """Say, once for a start and once for each reload, that the first look into the queue succeeded."""
        if not self._is_ready:
            self._is_ready = True
            self._send("READY=1")

    def reloading(self) -> None:
        """Say that the settings are read anew, until `ready` or `unchanged` ends that."""
        self._was_ready, self._is_ready = self._is_ready, False
        # systemd tells by the time that this READY=1 is not of before (253 and later ask for it).
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def unchanged(self) -> None:
        """Say that a reload has changed nothing: what was ready before is."""
        if self._was_ready:
            self.ready()

    def stopping(self) -> None:
        """Say, once, that the daemon drains and will end."""
        if not self._is_stopping:
            self._is_stopping = True
            self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line, and the remark behind it, in `systemctl status`."""
        text = "; ".join(filter(None, (text, self.remark)))
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def watchdog(self) -> None:
        """Say that the daemon makes progress; silence for WatchdogSec makes systemd restart it."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A service manager that went away, or reads no more, must not stop the mail.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.settimeout(PATIENCE)
            way.connect(self._address)
            way.sendall(message.encode())
