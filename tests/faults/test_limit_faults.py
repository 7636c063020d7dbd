"""The faults of a relay that takes less than the mail needs: recipients, mails, bytes, letters."""

import asyncio
from dataclasses import replace

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.limits import MOST_RECIPIENTS
from outbox.mail.verdict import Answer, Deferred, Rejected, Untouched
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, Batch, deliver, envelope, kinds, relay_at

FOUR = tuple(f"{name}@example.com" for name in ("one", "two", "three", "four"))
TOO_MANY = ["452 4.5.3 too many recipients", "552 5.5.3 too many", "451 Too many recipients", "452 4.5.3"]


@pytest.mark.parametrize("refusal", TOO_MANY)
def test_fault_53_a_full_transaction_sends_who_was_accepted_and_leaves_the_rest_untouched(
    refusal: str,
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(4)
        peer.say("250 ok", "250 ok", "250 ok", refusal, refusal, "354 go")
        assert peer.hear_message() == BODY
        peer.say("250 taken")
        peer.take_mail(recipients=2)
        peer.take_quit()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(*FOUR), envelope(*FOUR[2:]))
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [
        ["Sent", "Sent", "Untouched", "Untouched"],
        ["Sent", "Sent"],
    ]
    assert relay.limits.recipients == 2
    assert outcome.usable


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            "452 4.5.3 too many",
            Deferred("RCPT TO", "RCPT TO: 452 4.5.3 too many", Answer(452, "4.5.3", "too many")),
        ),
        ("552 too much", Deferred("RCPT TO", "RCPT TO: 552 too much", Answer(552, None, "too much"))),
        (
            "552 5.3.4 too big",
            Rejected("RCPT TO", "RCPT TO: 552 5.3.4 too big", Answer(552, "5.3.4", "too big")),
        ),
    ],
)
def test_fault_53_a_limit_at_the_very_first_recipient_defers_but_a_mail_too_big_is_refused(
    refusal: str, expected: Deferred | Rejected
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", refusal, "503 5.5.1 no recipients")
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_quit()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope())
    assert [[expected]] == outcome.verdicts
    assert relay.limits.recipients == MOST_RECIPIENTS


def test_fault_53_a_mail_that_is_too_big_is_no_limit_of_the_recipients() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(2)
        peer.say("250 ok", "250 ok", "552 5.3.4 too big for this one", "354 go")
        peer.hear_message()
        peer.say("250 taken")
        peer.take_quit()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(*FOUR[:2]))
    assert kinds(outcome.verdicts[0]) == ["Sent", "Rejected"]
    assert relay.limits.recipients == MOST_RECIPIENTS


def test_fault_53_the_limits_that_a_relay_announces_are_kept() -> None:
    """RFC 9422: at most two recipients in a mail, and two mails on a connection."""

    async def run(dialler: Dialler) -> tuple[list[list[str]], bool]:
        connection = await dialler.connect()
        assert isinstance(connection, Connection)
        batch = Batch([envelope()] * 3)
        await connection.carry(batch.next_mail)
        usable = connection.usable
        await connection.quit()
        return [kinds(verdicts) for verdicts in batch.verdicts], usable

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2")
        for _ in range(2):
            peer.take_mail()
        peer.take_quit()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        assert asyncio.run(run(relay)) == ([["Sent"], ["Sent"], []], False)
    assert relay.limits.recipients == 2


@pytest.mark.parametrize(
    ("body", "sender", "lacking"),
    [
        (BODY + b"x" * 100 + b"\r\n", "a@example.com", "SIZE"),
        (b"Subject: a\r\n\r\n\xff\r\n", "a@example.com", "8BITMIME"),
        (BODY, "zo\xeb@example.com", "SMTPUTF8"),
    ],
)
def test_fault_66_a_mail_that_the_relay_cannot_take_is_refused_by_us_and_the_queue_goes_on(
    body: bytes, sender: str, lacking: str, writes: list[bytes]
) -> None:
    small = envelope()

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING", "SIZE 100")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), small, replace(small, sender=sender, body=body), small)
    first, (refused,), last = outcome.verdicts
    assert (kinds(first), kinds(last)) == (["Sent"], ["Sent"])
    assert isinstance(refused, Rejected)
    assert refused.stage == "MAIL FROM"
    assert refused.answer is None
    assert lacking in refused.reason
    assert not isinstance(refused, Untouched)
    said = b"".join(writes)
    assert said.count(b"MAIL FROM") == said.count(b"RCPT TO") == said.count(b"Subject") == 2
