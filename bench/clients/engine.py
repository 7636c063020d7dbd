"""Our engine alone, on connections that are kept: ready bytes, nothing but sending."""

import asyncio
from collections import Counter

from bench.clients.meter import measured
from bench.corpus import SENDER, composed, recipient
from bench.postfix import HOST
from outbox.delivery.dialler import Dialler
from outbox.delivery.mail import Envelope, Mail
from outbox.delivery.relay import Pipelining, Relay, TlsMode
from outbox.mail.verdict import RelayFault, Sent, Verdict


def send_all(port: int, mails: int, connections: str, pipelining: str) -> None:
    """Send one composed message `mails` times."""
    relay = Relay(name="bench", host=HOST, port=port, tls=TlsMode.NONE, pipelining=Pipelining(pipelining))
    asyncio.run(_send_all(Dialler(relay), mails, int(connections)))


async def _send_all(dialler: Dialler, mails: int, connections: int) -> None:
    message = composed(0)
    # Shared: a connection that is faster takes more of them.
    numbers = iter(range(mails))
    found: Counter[type[Verdict]] = Counter()

    def settled(verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            found[type(verdict)] += 1

    def next_mail() -> Mail | None:
        n = next(numbers, None)
        return None if n is None else Mail(Envelope(SENDER, (recipient(n),), message), lambda: None, settled)

    async def send() -> None:
        connection = await dialler.connect()
        if isinstance(connection, RelayFault):
            raise ConnectionError(connection.reason)
        await connection.carry(next_mail)
        await connection.quit()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(send())
    if found != {Sent: mails}:
        raise RuntimeError(f"of {mails} mails were {found}")


if __name__ == "__main__":
    measured(send_all)
