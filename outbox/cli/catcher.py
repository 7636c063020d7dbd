"""A development SMTP server that takes every mail and passes none on, for `outbox catch`, the demo and tests.

It has no authentication and no TLS: whoever starts it keeps it on loopback.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from outbox.smtp.reply import printable
from outbox.testing.server_thread import ServerThread

# Above the outbox's own limit of 25 MB, so that this server never is the one that refuses.
_MAX_SIZE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail as it arrived: envelope, exact content (CRLF), and its number since the server started."""

    number: int
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def subject(self) -> str:
        """The decoded subject, or the raw one where its encoding is broken; not yet safe to print."""
        raw = str(BytesHeaderParser().parsebytes(self.content).get("Subject", ""))
        try:
            return str(make_header(decode_header(raw)))
        except (HeaderParseError, LookupError, ValueError):
            return raw

    @property
    def filename(self) -> str:
        """A name that sorts by arrival, also across restarts."""
        return f"{self.at:%Y%m%dT%H%M%S.%f}-{self.number:06d}.eml"

    def save(self, folder: Path) -> Path:
        """Write the mail, its envelope as header lines on top, so that no reader ever sees half of it."""
        envelope = [
            f"X-Envelope-From: <{self.sender}>",
            *(f"X-Envelope-To: <{to}>" for to in self.recipients),
        ]
        path = folder / self.filename
        unfinished = folder / f".{self.filename}.tmp"
        head = "".join(f"{printable(line)}\r\n" for line in envelope)
        unfinished.write_bytes(head.encode() + self.content)
        return unfinished.replace(path)


class _Connection(SMTP):
    """aiosmtpd's connection, known to its server so that stopping can end it."""

    def __init__(self, handler: "_Handler", live: set[asyncio.BaseTransport], **options: Any) -> None:
        super().__init__(handler, **options)
        self._live = live

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._live.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._live.discard(self.transport)
        super().connection_lost(error)


class _Handler:
    """What aiosmtpd asks about each command."""

    def __init__(self, folder: Path | None, on_mail: Callable[[Caught], None]) -> None:
        self.count = 0
        self._folder = folder
        self._on_mail = on_mail

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 -- aiosmtpd's signature, here and below
        session: Session,
        envelope: Envelope,  # noqa: ARG002
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        # aiosmtpd reads a pipelined dialogue rightly, but does not say so.
        return [*responses[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        caught = Caught(
            number=self.count + 1,
            at=datetime.now(UTC),
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            content=envelope.original_content or b"",
        )
        try:
            if self._folder is not None:
                caught.save(self._folder)
        except OSError as error:
            return f"451 4.3.0 The mail cannot be stored: {printable(str(error.strerror))}"
        self.count += 1
        self._on_mail(caught)
        return f"250 2.0.0 Ok: queued as {caught.number}"


class Catcher:
    """The server, in a thread of its own: `start`, `stop`, or a `with` block.

    `port` 0 takes a free one, which `port` then names. `folder` gets one `.eml` file a mail. `on_mail` is
    called in the server's thread before the mail is answered.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        folder: Path | None = None,
        on_mail: Callable[[Caught], None] = lambda _: None,
    ) -> None:
        self.host = host
        self.port = port
        self._handler = _Handler(folder, on_mail)
        self._live: set[asyncio.BaseTransport] = set()
        self._server = ServerThread("catcher", self._listen, self._end)

    @property
    def count(self) -> int:
        """How many mails were taken since the server was made."""
        return self._handler.count

    def start(self) -> None:
        """Listen; returns when connections are accepted. Raises OSError where the port cannot be bound."""
        self.port = self._server.start()

    def stop(self) -> None:
        """End all connections and the thread; what was answered is stored, nothing else is."""
        self._server.stop()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(self._connection, self.host, self.port)

    async def _end(self) -> None:
        for transport in list(self._live):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        # One turn of the loop lets every connection hear that it is lost.
        await asyncio.sleep(0)

    def _connection(self) -> _Connection:
        return _Connection(
            self._handler,
            self._live,
            data_size_limit=_MAX_SIZE,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="outbox catch",
            loop=asyncio.get_running_loop(),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
