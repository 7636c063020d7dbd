"""A process of ours beside this one: another `outbox` command, ended by its own pid."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from outbox.cli.ending import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PATIENCE = 15.0
_SHOWN_LINES = 8
# systemd's words to this process, if it started it, are not for its children.
_NOT_INHERITED = ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY")


class Child:
    """`outbox` with these arguments, in a `with` block; what it says stands in `log`.

    It sees of our variables `OUTBOX_…` only those of `settings`, so that nothing of the caller's own
    outbox reaches it.
    """

    def __init__(self, arguments: Sequence[str], log: Path, settings: dict[str, str]) -> None:
        self.name = f"outbox {arguments[0]}"
        self.log = log
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("OUTBOX_") and name not in _NOT_INHERITED
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - this program itself, no shell
                [sys.executable, "-m", "outbox", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=inherited | settings,
            )

    def check(self) -> None:
        """Raise CommandError, with its last words, when it has ended unasked."""
        code = self._process.poll()
        if code is not None:
            lines = self.log.read_text("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
            raise CommandError("\n  ".join([f"{self.name} ended with code {code}:", *lines]), 1)

    def stop(self) -> int:
        """Ask it to end, wait, and return its exit code; a deaf one is killed."""
        self._process.terminate()
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
