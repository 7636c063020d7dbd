"""An SMTP server that puts each mail into a ledger on disk before it answers for it.

Run by path, as a process of its own, so that it can be killed. The ledger has one line a recipient:
Message-ID, recipient, SHA-256 of the body (after the first empty line, dots unstuffed) and the client's name
in EHLO, separated by tabs.
Answers that wait at the same time share one fsync; the 250 goes out after it. So a line without a 250 is
possible, a 250 without a line is not.
"""

import argparse
import asyncio
import base64
import binascii
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^>]*)>")


class Ledger:
    """The file, and the group commit in front of it."""

    def __init__(self, path: Path, delay: float) -> None:
        self._delay = delay
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._waiting: list[tuple[bytes, Callable[[], None]]] = []
        self._wanted = asyncio.Event()

    def take(self, lines: bytes, answer: Callable[[], None]) -> None:
        """Write `lines` after the delay, as soon as the disk is free; call `answer` when they are on it."""
        asyncio.get_running_loop().call_later(self._delay, self._add, lines, answer)

    def _add(self, lines: bytes, answer: Callable[[], None]) -> None:
        self._waiting.append((lines, answer))
        self._wanted.set()

    async def run(self) -> None:
        """Write for ever: all that waits, one fsync, all its answers, again."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, b"".join(lines for lines, _ in batch))
            for _, answer in batch:
                answer()

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)


class Access:
    """Who may log in, read anew from the control file at each AUTH; without a file nobody needs to."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.is_required = path is not None

    def admits(self, response: str) -> bool:
        """Tell whether an AUTH PLAIN response (RFC 4616, base64) names the user and password of the file."""
        if self._path is None:
            return False
        wanted = json.loads(self._path.read_text())
        try:
            _, user, password = base64.b64decode(response, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            return False
        return bool([user, password] == [wanted["user"], wanted["password"]])


class Conversation(asyncio.Protocol):
    """One connection: bytes in, complete commands and mails out of the buffer, answers in order."""

    _transport: asyncio.Transport

    def __init__(self, ledger: Ledger, access: Access) -> None:
        self._ledger = ledger
        self._access = access
        self._buffer = bytearray()
        self._recipients: list[str] = []
        self._client = ""
        self._searched = 0
        self._in_data = False
        self._is_waiting = False
        self._is_known = not access.is_required
        self._expects_response = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say("220 ledger ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._proceed()

    def _proceed(self) -> None:
        """Work off the buffer until it needs more bytes, or until a mail waits for the disk."""
        while not self._is_waiting:
            part = self._mail() if self._in_data else self._line()
            if part is None:
                return
            if self._in_data:
                self._take(part)
            else:
                self._obey(part.decode("utf-8", "replace"))

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        return None if end < 0 else self._cut(end, 2)

    def _mail(self) -> bytes | None:
        # An empty mail is nothing but the dot's own line.
        if self._buffer.startswith(b".\r\n"):
            return self._cut(0, 3)
        end = self._buffer.find(b"\r\n.\r\n", self._searched)
        # A large mail comes in many pieces: each is searched once.
        self._searched = max(0, len(self._buffer) - 4)
        return None if end < 0 else self._cut(end, 5)

    def _cut(self, end: int, separator: int) -> bytes:
        part = bytes(self._buffer[:end])
        del self._buffer[: end + separator]
        self._searched = 0
        return part

    def _take(self, raw: bytes) -> None:
        """Put one mail, without its final dot, into the ledger; the rest of the buffer waits."""
        mail = (b"\r\n" + raw + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        header, _, body = mail.partition(b"\r\n\r\n")
        found = _MESSAGE_ID.search(header)
        name = found[1].strip().replace(b"\t", b" ").decode("utf-8", "replace") if found else ""
        digest = hashlib.sha256(body).hexdigest()
        lines = "".join(f"{name}\t{to}\t{digest}\t{self._client}\n" for to in self._recipients)
        self._in_data, self._is_waiting, self._recipients = False, True, []
        self._ledger.take(lines.encode(), self._answered)

    def _answered(self) -> None:
        self._is_waiting = False
        self._say("250 2.0.0 Ok: in the ledger")
        self._proceed()

    def _obey(self, line: str) -> None:
        if self._expects_response:
            self._expects_response = False
            self._login(line)
            return
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                offers = ["ledger", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
                self._greet(argument, [*offers, "AUTH PLAIN"] if self._access.is_required else offers)
            case "HELO":
                self._greet(argument, ["ledger"])
            case "AUTH":
                self._authenticate(argument)
            case "MAIL" | "RCPT" | "DATA":
                self._envelope(verb.upper(), argument)
            case "RSET" | "NOOP":
                self._recipients = []
                self._say("250 2.0.0 Ok")
            case "QUIT":
                self._say("221 2.0.0 Bye")
                self._transport.close()
            case _:
                self._say("500 5.5.2 Unknown command")

    def _envelope(self, verb: str, argument: str) -> None:
        if not self._is_known:
            self._say("530 5.7.0 Authentication required")
        elif verb == "MAIL":
            self._recipients = []
            self._say("250 2.1.0 Ok")
        elif verb == "RCPT":
            address = _ADDRESS.search(argument)
            self._recipients.append(address[1] if address else "")
            self._say("250 2.1.5 Ok")
        else:
            self._in_data = bool(self._recipients)
            self._say("354 Go on" if self._in_data else "503 5.5.1 No recipient")

    def _authenticate(self, argument: str) -> None:
        mechanism, _, response = argument.partition(" ")
        if mechanism.upper() != "PLAIN":
            self._say("504 5.5.4 Only PLAIN")
        elif response:
            self._login(response)
        else:
            self._expects_response = True
            self._say("334 ")

    def _login(self, response: str) -> None:
        self._is_known = self._access.admits(response)
        self._say("235 2.7.0 Welcome" if self._is_known else "535 5.7.8 Wrong name or password")

    def _greet(self, client: str, lines: list[str]) -> None:
        self._client = client.replace("\t", " ")
        self._recipients = []
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    def _say(self, line: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(f"{line}\r\n".encode())


async def serve(port: int, ledger: Ledger, access: Access) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(ledger, access), "127.0.0.1", port)
    async with server:
        await ledger.run()


async def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--auth", type=Path, help='JSON file {"user": …, "password": …}: require AUTH PLAIN')
    parser.add_argument("--delay", type=float, default=0, help="seconds that each mail takes")
    options = parser.parse_args()
    await serve(options.port, Ledger(options.ledger, options.delay), Access(options.auth))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(130)
