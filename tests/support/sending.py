"""Send mail over the real connection, in a plain function."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outbox.delivery.connection import Connection, Envelope, connect
from outbox.delivery.relay import Relay, TlsMode
from outbox.mail.verdict import RelayFault, Verdict

BODY = b"Subject: hello\r\n\r\nHello.\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 1024 * 1024 + b"\r\n"
"""16 MB: more than any socket buffer takes at once."""


def relay_at(port: int, **changes: Any) -> Relay:
    """Return the relay on this port of 127.0.0.1, by default without TLS."""
    relay = Relay(name="main", host="127.0.0.1", port=port, tls=TlsMode.NONE)
    return replace(relay, **changes)


def envelope(*recipients: str, body: bytes = BODY, sender: str = "a@example.com") -> Envelope:
    """Return an envelope, by default to one recipient."""
    return Envelope(sender, recipients or ("b@example.com",), body)


def yes() -> str | None:
    """Let every dot go."""
    return None


@dataclass
class Outcome:
    """What became of the mails, and of the connection after the last."""

    verdicts: list[list[Verdict]]
    usable: bool
    sent: int
    outstanding_dot: bool


def deliver(relay: Relay, *envelopes: Envelope, may_dot: Callable[[], str | None] = yes) -> Outcome:
    """Send `envelopes` over one connection, which must come about."""

    async def run() -> Outcome:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection), connection
        verdicts = [await connection.send(one, may_dot) for one in envelopes]
        outcome = Outcome(verdicts, connection.usable, connection.sent, connection.outstanding_dot)
        await connection.quit()
        return outcome

    return asyncio.run(run())


def fault_of(relay: Relay) -> RelayFault:
    """Connect in vain; return why."""

    async def run() -> RelayFault:
        fault = await connect(relay, None)
        assert isinstance(fault, RelayFault), fault
        return fault

    return asyncio.run(run())


def kinds(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the names of the verdicts."""
    return [type(verdict).__name__ for verdict in verdicts]
