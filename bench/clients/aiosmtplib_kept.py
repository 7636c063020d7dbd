"""aiosmtplib over connections that are kept, each in a task of its own: ready bytes, nothing but sending."""

import asyncio

from aiosmtplib import SMTP

from bench.clients.meter import measured
from bench.corpus import SENDER, composed, recipient
from bench.postfix import HOST


def send_all(port: int, mails: int, connections: str) -> None:
    """Send one composed message `mails` times."""
    asyncio.run(_send_all(port, mails, int(connections)))


async def _send_all(port: int, mails: int, connections: int) -> None:
    message = composed(0)
    # Shared: a connection that is faster takes more of them.
    numbers = iter(range(mails))

    async def send() -> None:
        async with SMTP(hostname=HOST, port=port, local_hostname="localhost", start_tls=False) as connection:
            for n in numbers:
                await connection.sendmail(SENDER, recipient(n), message)

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(send())


if __name__ == "__main__":
    measured(send_all)
