"""Our engine, smtplib and aiosmtplib write the same mails to the wire, byte for byte, dots still stuffed.

One rule explains the one difference, by design of the others: they end an empty message with a CRLF, we send
its dot at once. The mails have whole CRLFs only: we refuse others, smtplib sends them as they are, and
aiosmtplib mends them.
"""

import asyncio
import smtplib
from collections.abc import Callable
from dataclasses import replace

import aiosmtplib
import pytest

from outbox.mail.verdict import Sent
from tests.support.mails import Generated, generated
from tests.support.recording import Taken, recording
from tests.support.scripted import PATIENCE, scripted
from tests.support.sending import deliver, envelope, relay_at
from tests.support.unstuffing import take_message

COUNT = 500
CONNECTIONS = 5

Send = Callable[[int, list[Generated]], None]


def send_by_outbox(port: int, mails: list[Generated]) -> None:
    """Send over one connection of ours."""
    envelopes = [envelope(*mail.recipients, body=mail.body, sender=mail.sender) for mail in mails]
    outcome = deliver(relay_at(port), *envelopes)
    assert all(isinstance(verdict, Sent) for verdicts in outcome.verdicts for verdict in verdicts)


def send_by_smtplib(port: int, mails: list[Generated]) -> None:
    """Send over one connection of the standard library."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=PATIENCE) as client:
        for mail in mails:
            assert client.sendmail(mail.sender, mail.recipients, mail.body) == {}


def send_by_aiosmtplib(port: int, mails: list[Generated]) -> None:
    """Send over one connection of aiosmtplib."""

    async def run() -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, local_hostname="localhost", start_tls=False, timeout=PATIENCE
        ) as client:
            for mail in mails:
                refused, _ = await client.sendmail(mail.sender, list(mail.recipients), mail.body)
                assert refused == {}

    asyncio.run(run())


def taken_from(send: Send, mails: list[Generated]) -> list[Taken]:
    """Return what a server takes when `send` sends `mails` over a few connections."""
    taken: list[Taken] = []
    with scripted(*[recording(taken)] * CONNECTIONS) as server:
        for n in range(CONNECTIONS):
            send(server.port, mails[n::CONNECTIONS])
    return taken


def ended(body: bytes) -> bytes:
    """Return `body` with its last line ended."""
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


@pytest.fixture(scope="module")
def ours() -> tuple[list[Generated], list[Taken]]:
    """Return the mails, and what a server takes of them from us."""
    mails = list(generated(COUNT, seed=3))
    return mails, taken_from(send_by_outbox, mails)


def test_five_hundred_mails_reach_the_wire_as_they_were_given(
    ours: tuple[list[Generated], list[Taken]],
) -> None:
    mails, taken = ours
    in_order = [mail for n in range(CONNECTIONS) for mail in mails[n::CONNECTIONS]]
    expected = [(mail.sender, tuple(mail.recipients), ended(mail.body)) for mail in in_order]
    assert expected == [
        (mail.sender, mail.recipients, take_message(mail.wire + b".\r\n")[0]) for mail in taken
    ]


@pytest.mark.parametrize("send", [send_by_smtplib, send_by_aiosmtplib])
def test_five_hundred_mails_reach_the_wire_as_from_another_client(
    ours: tuple[list[Generated], list[Taken]], send: Send
) -> None:
    mails, taken = ours
    expected = [replace(mail, wire=mail.wire or b"\r\n") for mail in taken]
    assert len(expected) == COUNT
    assert expected == taken_from(send, mails)
