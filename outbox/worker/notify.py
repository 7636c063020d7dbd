"""Tell systemd how the daemon stands (sd_notify(3)); without systemd, tell nobody."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class Notifier:
    """The way to the service manager that started this process, if one did.

    `address` is the value of NOTIFY_SOCKET; one that starts with @ is in the abstract namespace.
    """

    def __init__(self, address: str | None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._is_ready = False

    @classmethod
    def from_environment(cls) -> Notifier:
        """Return the notifier of this process, and hide the socket from processes that it may start."""
        return cls(os.environ.pop("NOTIFY_SOCKET", None))

    def ready(self) -> None:
        """Say, once, that the first look into the queue succeeded."""
        if not self._is_ready:
            self._is_ready = True
            self._send("READY=1")

    def stopping(self) -> None:
        """Say that the daemon drains and will end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(f"STATUS={text}")

    def watchdog(self) -> None:
        """Say that the loop has turned; silence for WatchdogSec makes systemd restart the daemon."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A service manager that went away must not stop the mail.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.connect(self._address)
            way.sendall(message.encode())
