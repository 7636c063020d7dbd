"""Where the OAuth token for XOAUTH2 and OAUTHBEARER comes from: a file, or what a command prints.

Whoever renews the token is not us: a file is read for each connection, a command is run at most once a
minute, and again as soon as a server refused what it gave.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

from outbox.delivery.command_run import CommandError, run
from outbox.smtp.auth import is_token

KEEP = 60
"""Seconds for which a command's token serves all connections."""
MAX_OUTPUT = 64 * 1024
"""Bytes that a file or a command may give; real tokens have a few thousand."""


class TokenError(ValueError):
    """No token can be had: why, and what to do about it; never with the token."""


class FileToken:
    """A token in a file, which is read each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self) -> str:
        """Return the token of this moment, or raise TokenError."""
        try:
            content = _read(self._path)
        except OSError as error:
            raise TokenError(
                f"the token file {self._path} cannot be read: {error.strerror}; "
                "let what renews the token write it there, readable for the daemon"
            ) from error
        return _token(content, f"the token file {self._path}")

    def refused(self) -> None:
        """Learn that the token was refused; nothing is kept that could be forgotten."""


class CommandToken:
    """A token that a command prints; the command and its arguments are run without a shell.

    `clock` returns seconds and never goes back; `patience` is how many seconds a run may take.
    """

    def __init__(self, command: tuple[str, ...], clock: Callable[[], float], patience: float = 30) -> None:
        self._command = command
        self._clock = clock
        self._patience = patience
        self._kept: str | None = None
        self._until = 0.0
        self._running: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """Return a token at most 60 seconds old, or raise TokenError; all who wait share one run."""
        if self._kept is not None and self._clock() < self._until:
            return self._kept
        if self._running is None:
            self._running = asyncio.create_task(self._fetch())
            self._running.add_done_callback(self._ran)
        # One connection that gives up must not end the run for the others.
        return await asyncio.shield(self._running)

    def refused(self) -> None:
        """Forget the token: a server refused it. A run that is on its way is newer than that, and stays."""
        self._kept = None

    async def _fetch(self) -> str:
        began = self._clock()
        shown = f"the token command {self._command[0]}"
        try:
            output = await run(self._command, patience=self._patience, most=MAX_OUTPUT)
        except CommandError as error:
            raise TokenError(f"{shown} {error}") from None
        token = _token(output, shown)
        self._kept, self._until = token, began + KEEP
        return token

    def _ran(self, task: asyncio.Task[str]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # all who wanted to know may have left


TokenSource = FileToken | CommandToken


def _read(path: Path) -> bytes:
    """Read a small file; the wait for the writer of a pipe would stop every connection."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        return file.read(MAX_OUTPUT + 1)


def _token(content: bytes, whose: str) -> str:
    """Take the one line of `content`, without the spaces around it."""
    if len(content) > MAX_OUTPUT:
        raise TokenError(
            f"{whose} gives more than {MAX_OUTPUT} bytes: it must give one token and nothing else"
        )
    token = content.decode("ascii", "replace").strip()
    if not token:
        raise TokenError(f"{whose} gives nothing: it must give the token in one line")
    if is_token(token) is None:
        raise TokenError(
            f"{whose} gives something else than one token: it must give one line of printable ASCII "
            "without spaces, and without the word Bearer"
        )
    return token
