"""Send mail over the real connection, in a plain function."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.mail import Envelope, Mail
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


class Batch:
    """Mails for one connection, in order; each keeps its verdicts, and how often it was told any."""

    def __init__(self, envelopes: Sequence[Envelope], may_dot: Callable[[], str | None] = yes) -> None:
        self.verdicts: list[list[Verdict]] = [[] for _ in envelopes]
        self.told = [0] * len(envelopes)
        self._mails = [
            Mail(one, may_dot, lambda verdicts, n=n: self._settled(n, verdicts))  # type: ignore[misc] # a default binds n
            for n, one in enumerate(envelopes)
        ]
        self.begun = 0

    def next_mail(self) -> Mail | None:
        """Give the next mail."""
        if self.begun == len(self._mails):
            return None
        self.begun += 1
        return self._mails[self.begun - 1]

    def _settled(self, n: int, verdicts: list[Verdict]) -> None:
        self.verdicts[n] = verdicts
        self.told[n] += 1


@dataclass
class Outcome:
    """What became of the mails, and of the connection after the last."""

    verdicts: list[list[Verdict]]
    usable: bool
    sent: int


def deliver(relay: Relay | Dialler, *envelopes: Envelope, may_dot: Callable[[], str | None] = yes) -> Outcome:
    """Send `envelopes` over one connection, which must come about; those it did not take have no verdict."""
    batch = Batch(envelopes, may_dot)
    dialler = relay if isinstance(relay, Dialler) else Dialler(relay)

    async def run() -> Outcome:
        connection = await dialler.connect()
        assert isinstance(connection, Connection), connection
        await connection.carry(batch.next_mail)
        outcome = Outcome(batch.verdicts, connection.usable, connection.sent)
        await connection.quit()
        return outcome

    outcome = asyncio.run(run())
    assert batch.told == [1] * batch.begun + [0] * (len(envelopes) - batch.begun)
    return outcome


def fault_of(relay: Relay | Dialler) -> RelayFault:
    """Connect in vain; return why."""
    dialler = relay if isinstance(relay, Dialler) else Dialler(relay)

    async def run() -> RelayFault:
        fault = await dialler.connect()
        assert isinstance(fault, RelayFault), fault
        return fault

    return asyncio.run(run())


def kinds(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the names of the verdicts."""
    return [type(verdict).__name__ for verdict in verdicts]
