"""The folder of the demo: made or made new, and never anybody else's files touched."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from outbox.cli.ending import CommandError
from outbox.cli.proof import CAUGHT
from outbox.errors import EX_USAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MARK = ".outbox-demo"
_OURS = ("demo.sqlite3", "demo.sqlite3-wal", "demo.sqlite3-shm", "outbox.toml", "catch.log", "run.log")

_SETTINGS = """\
# Written by `outbox demo`. Each `outbox` command that is started here reads it.
database_url = {database_url}
smtp_host = "127.0.0.1"
smtp_port = {port}
smtp_tls = "none"
"""


class DemoFolder:
    """What stands where in the folder of one demo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database_url = f"sqlite:///{path.resolve() / 'demo.sqlite3'}"
        self.mails = path / "mails"
        self.settings = path / "outbox.toml"
        self.catch_log = path / "catch.log"
        self.run_log = path / "run.log"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder to ourselves, empty of what an earlier demo left.

        Raises CommandError for a folder that is not a demo's, or that another demo uses now.
        """
        mark = self.path / _MARK
        if self.path.exists() and not mark.exists() and any(self.path.iterdir()):
            raise CommandError(
                f"{str(self.path)!r} holds files and is no demo's folder. Name another: --dir", EX_USAGE
            )
        self.path.mkdir(parents=True, exist_ok=True)
        with mark.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    f"Another demo works in {str(self.path)!r}. Wait, or name another folder: --dir", EX_USAGE
                ) from None
            self._clear()
            yield

    def write_settings(self, port: int) -> None:
        """Write the settings of the daemon, which sends to the catcher on `port`."""
        text = _SETTINGS.format(database_url=json.dumps(self.database_url), port=port)
        self.settings.write_text(text, encoding="utf-8")

    def _clear(self) -> None:
        for name in _OURS:
            (self.path / name).unlink(missing_ok=True)
        if self.mails.is_dir():
            for path in self.mails.iterdir():
                if CAUGHT.fullmatch(path.name):
                    path.unlink()
