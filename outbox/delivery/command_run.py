"""Run a command for its output: without a shell, bounded in time and in bytes."""

import asyncio
import os
import signal
from contextlib import suppress

from outbox.smtp.reply import printable

_SHOWN = 200
"""Characters that are shown of the last line on stderr."""
_SECRET = 8
"""Characters from which on a printed word counts as a secret."""
_GRACE = 1
"""Seconds that a killed command has to disappear."""


class CommandError(Exception):
    """The command gave no output that can be used; the words go on from its name."""


async def run(command: tuple[str, ...], *, patience: float, most: int) -> bytes:
    """Return what `command` prints: `most` bytes, or one more where it is too much.

    Raises CommandError where it cannot be started, fails, or has not ended after `patience` seconds. What has
    not ended by itself is killed with its process group, also where we are cancelled.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, output = await loop.subprocess_exec(
            lambda: _Output(most), *command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"cannot be started: {reason}; give its whole path") from None
    try:
        async with asyncio.timeout(patience):
            await output.ended.wait()
    except TimeoutError:
        raise CommandError(
            f"did not end within {patience:g} seconds{output.last_words()}: it must print the token and end"
        ) from None
    finally:
        await _end(transport, output)
    status = transport.get_returncode()
    if status and len(output.out) <= most:
        raise CommandError(f"failed with status {status}{output.last_words()}")
    return bytes(output.out)


async def _end(transport: asyncio.SubprocessTransport, output: "_Output") -> None:
    """Kill the command with its process group, where it has not ended by itself."""
    if not output.gone.is_set():
        with suppress(ProcessLookupError, PermissionError):  # it ended just now, or runs as somebody else
            os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await output.gone.wait()


class _Output(asyncio.SubprocessProtocol):
    """What a command has printed so far: the beginning of stdout, the end of stderr.

    `ended` is set when nothing more is awaited of it, `gone` when it and its pipes are closed.
    """

    def __init__(self, most: int) -> None:
        self.out = bytearray()
        self.ended = asyncio.Event()
        self.gone = asyncio.Event()
        self._most = most
        self._err = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what fits; a command that prints too much is not awaited any longer."""
        if fd != 1:
            self._err = (self._err + data)[-self._most :]
            return
        self.out += data[: self._most + 1 - len(self.out)]
        if len(self.out) > self._most:
            self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the name is asyncio's own
        """Learn that the command has ended and its pipes are closed."""
        self.ended.set()
        self.gone.set()

    def last_words(self) -> str:
        """Return the last line of stderr for people; what was printed on stdout may be the secret itself."""
        lines = self._err.decode("utf-8", "replace").strip().splitlines()
        if not lines:
            return ""
        words = printable(lines[-1].strip())
        for printed in self.out.decode("utf-8", "replace").split():
            if len(printed) >= _SECRET:
                words = words.replace(printed, "<secret>")
        return f", saying: {words[:_SHOWN]}"
