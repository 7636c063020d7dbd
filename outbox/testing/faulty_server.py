"""A relay that fails as a test tells it to, on loopback, for those who test their retries and settings."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from outbox.errors import InvalidValueError
from outbox.testing.faults import Plan
from outbox.testing.faulty_conversation import Conversation, GoneError, Limits
from outbox.testing.server_thread import ServerThread

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from outbox.testing.attempt import Attempt
    from outbox.testing.faults import Fault, Faults

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN")
"""What it offers by default."""

_KEPT = 10_000
_MOST_BYTES = 64 * 1024 * 1024


class FaultyServer:
    """An SMTP server in a `with` block: each stage has the fault that is given for it, or none.

    `mail` and `rcpt` also take faults by address: `rcpt={"bob@example.org": "450 4.2.1 busy"}`. `body` is
    when the first line of a message has come, `end_of_data` the answer to its final dot. `most_connections`
    are meant at one time, `most_mails` on one connection, `most_recipients` in one mail; more are refused as
    relays do. With `tls` (a server's SSLContext) it offers STARTTLS, or with `implicit_tls` speaks TLS from
    the first byte. Any user and password may log in. It keeps the last 10,000 attempts, and takes messages of
    at most 64 MiB.
    """

    def __init__(
        self,
        *,
        greeting: Fault = None,
        ehlo: Fault = None,
        starttls: Fault = None,
        auth: Fault = None,
        mail: Faults = None,
        rcpt: Faults = None,
        data: Fault = None,
        body: Fault = None,
        end_of_data: Fault = None,
        extensions: Sequence[str] = EXTENSIONS,
        most_connections: int | None = None,
        most_mails: int | None = None,
        most_recipients: int | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if implicit_tls and tls is None:
            raise InvalidValueError(
                "implicit_tls", implicit_tls, "has no certificate", "Give tls= the SSLContext of a server."
            )
        self.host = host
        self.port = port
        """0 until it has started, where a free one is to be taken."""
        self.connections = 0
        """How many connections there have been."""
        self._plan = Plan(
            {
                "greeting": greeting,
                "ehlo": ehlo,
                "starttls": starttls,
                "auth": auth,
                "mail": mail,
                "rcpt": rcpt,
                "data": data,
                "body": body,
                "end_of_data": end_of_data,
            }
        )
        self._limits = Limits(extensions, tls, most_mails, most_recipients, _MOST_BYTES)
        self._most_connections = most_connections
        self._implicit = tls if implicit_tls else None
        self._attempts: dict[int, Attempt] = {}
        self._live: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._changed = threading.Condition()
        self._server = ServerThread("faulty-server", self._listen, self._end)

    @property
    def attempts(self) -> list[Attempt]:
        """Every mail that was tried, as far as it came, also those that were refused."""
        with self._changed:
            return list(self._attempts.values())

    @property
    def mails(self) -> list[Attempt]:
        """The mails that it took: by an answer 2yz to the end of data, or by `taken(…)`."""
        return [each for each in self.attempts if each.taken]

    def wait_until(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Return when `condition()`, asked after each change here, is true.

        Raises TimeoutError after `timeout` seconds, and tells what came instead.
        """
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(
                    f"after {timeout:g} s the condition is still not true; "
                    f"{self.connections} connections, attempts: {self.attempts!r:.2000}"
                )

    def start(self) -> None:
        """Listen; return when connections are accepted. Raises OSError where the port cannot be bound."""
        self.port = self._server.start()

    def stop(self) -> None:
        """End all connections and the thread; raise what a fault's own function has raised."""
        self._server.stop()
        if self._errors:
            raise self._errors.pop()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._meet, self.host, self.port, ssl=self._implicit)

    async def _end(self) -> None:
        for task in self._live:
            task.cancel()
        await asyncio.gather(*self._live, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio makes one for each connection
        self._live.add(task)
        with self._changed:
            self.connections += 1
            self._changed.notify_all()
        talk = Conversation(reader, writer, self.connections, self._plan, self._limits, self._note)
        try:
            if self._most_connections is not None and len(self._live) > self._most_connections:
                await talk.refuse("421 4.7.0 Too many connections")
            await talk.run()
        except (GoneError, OSError):
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread, by stop()
            self._errors.append(error)
            writer.transport.abort()
        finally:
            self._live.discard(task)

    def _note(self, attempt: Attempt) -> None:
        with self._changed:
            self._attempts[id(attempt)] = attempt
            if len(self._attempts) > _KEPT:
                del self._attempts[next(iter(self._attempts))]
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
