"""A mail server that is slow, and that can be away: its process, and what it has taken.

    python -m bench.late_relay PORT SECONDS

It answers each mail after SECONDS, and then prints its subject.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from email import policy
from email.parser import BytesParser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.site import HOST, free_port

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

_ROOT = Path(__file__).resolve().parent.parent
_PAUSE = 0.02


class Relay:
    """It answers each mail after `seconds`; until `start` nobody listens at its port."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.port = free_port()
        self._seconds = seconds
        self._file = folder / "taken"
        self._file.touch()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen; return when it does."""
        with self._file.open("ab") as file:
            command = [sys.executable, "-m", "bench.late_relay", str(self.port), str(self._seconds)]
            self._process = subprocess.Popen(command, cwd=_ROOT, stdout=file)
        while True:
            with suppress(ConnectionRefusedError):
                socket.create_connection((HOST, self.port)).close()
                return
            time.sleep(_PAUSE)

    def taken(self) -> Counter[str]:
        """Return the subjects of the mails that it has taken, with how often."""
        return Counter(self._file.read_text().splitlines())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


async def _serve(seconds: float, reader: StreamReader, writer: StreamWriter) -> None:
    try:
        writer.write(b"220 relay.example ESMTP\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                break
            if command == b"DATA":
                writer.write(b"354 go\r\n")
                mail = await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(seconds)
                # Before its answer: once it has one the sender believes that the mail is here.
                print(BytesParser(policy=policy.default).parsebytes(mail)["Subject"], flush=True)
            writer.write(
                b"250-relay.example\r\n250 PIPELINING\r\n" if command == b"EHLO" else b"250 2.0.0 Ok\r\n"
            )
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


async def _main(port: int, seconds: float) -> None:
    server = await asyncio.start_server(partial(_serve, seconds), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
