"""A relay to whom one domain is dead: it says so only after a second, and takes all other mail at once."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

DEAD = "dead.example"
DELAY = 1.0
"""Seconds before the answer to a recipient in the dead domain."""


async def _serve(reader: StreamReader, writer: StreamWriter) -> None:
    accepted = 0
    try:
        writer.write(b"220 relay.example ESMTP\r\n")
        while line := (await reader.readline()).upper():
            if line.startswith(b"MAIL"):
                accepted = 0
            elif line.startswith(b"RCPT"):
                accepted += not _is_dead(line)
            writer.write(await _answer(line, accepted))
            if line.startswith(b"DATA") and accepted:
                while await reader.readline() != b".\r\n":
                    pass
                writer.write(b"250 2.0.0 Ok: queued\r\n")
    except ConnectionError:
        pass  # the client has gone
    finally:
        writer.close()


def _is_dead(line: bytes) -> bool:
    return DEAD.upper().encode() in line


async def _answer(line: bytes, accepted: int) -> bytes:
    if line.startswith(b"EHLO"):
        return b"250-relay.example\r\n250 PIPELINING\r\n"
    if line.startswith(b"RCPT") and _is_dead(line):
        await asyncio.sleep(DELAY)
        return b"450 4.4.1 no answer from that host\r\n"
    if line.startswith(b"DATA"):
        return b"354 go\r\n" if accepted else b"554 5.5.1 no valid recipients\r\n"
    return b"250 2.0.0 Ok\r\n"


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
