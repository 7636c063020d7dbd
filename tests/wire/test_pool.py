"""A connection is kept as long as it is good: it is counted, it ages, and after a silence it is asked."""

import asyncio
from collections.abc import Callable

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pool, Relay
from outbox.mail.verdict import RelayFault
from outbox.smtp.stage import Timeouts
from tests.support.scripted import Peer, scripted
from tests.support.sending import Batch, deliver, envelope, fault_of, kinds, relay_at


def server(*then: Callable[[Peer], None]) -> Callable[[Peer], None]:
    """Return a script that greets, and then does these."""

    def script(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for step in then:
            step(peer)

    return script


def take(peer: Peer) -> None:
    peer.take_mail()


def asked(answer: str) -> Callable[[Peer], None]:
    def step(peer: Peer) -> None:
        peer.hear("RSET")
        peer.say(answer)

    return step


def asked_in_vain(peer: Peer) -> None:
    peer.hear("RSET")
    peer.hear_the_end()


def after_a_silence(relay: Relay) -> tuple[list[str], bool]:
    """Send a mail, ask the connection whether it is still there, and send another if it is."""

    async def run() -> tuple[list[str], bool]:
        batch = Batch([envelope(), envelope()])
        first = iter([batch.next_mail()])
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection), connection
        await connection.carry(lambda: next(first, None))
        alive = await connection.responds()
        await connection.carry(batch.next_mail)
        await connection.quit()
        return [kinds(each)[0] for each in batch.verdicts if each], alive

    return asyncio.run(run())


def test_a_connection_that_answers_after_a_silence_carries_the_next_mail() -> None:
    with scripted(server(take, asked("250 2.0.0 Ok"), take, Peer.take_quit)) as listening:
        assert after_a_silence(relay_at(listening.port)) == (["Sent", "Sent"], True)


@pytest.mark.parametrize(
    "step",
    [asked("421 4.4.2 idle for too long"), asked("500 what?"), asked("451 later"), Peer.close, asked_in_vain],
)
def test_fault_63_one_that_does_not_is_replaced_before_a_mail_finds_out(step: Callable[[Peer], None]) -> None:
    with scripted(server(take, step)) as listening:
        relay = relay_at(listening.port, timeouts=Timeouts(reset=0.2))
        assert after_a_silence(relay) == (["Sent"], False)


def test_fault_63_a_connection_carries_as_many_mails_as_it_may() -> None:
    with scripted(server(take, take, Peer.take_quit)) as listening:
        outcome = deliver(relay_at(listening.port, pool=Pool(mails=2)), envelope(), envelope(), envelope())
    assert [kinds(each) for each in outcome.verdicts] == [["Sent"], ["Sent"], []]
    assert not outcome.usable


def test_fault_63_a_connection_that_is_old_begins_no_further_mail() -> None:
    with scripted(server(Peer.take_quit)) as listening:
        outcome = deliver(relay_at(listening.port, pool=Pool(age=0.0)), envelope())
    assert (outcome.verdicts, outcome.usable, outcome.sent) == ([[]], False, 0)


def test_connections_come_from_the_address_that_the_relay_expects() -> None:
    seen: list[str] = []

    def script(peer: Peer) -> None:
        seen.append(peer.client)
        peer.greet("PIPELINING")
        take(peer)
        peer.take_quit()

    with scripted(script) as listening:
        outcome = deliver(relay_at(listening.port, source="127.0.0.2"), envelope())
    assert kinds(outcome.verdicts[0]) == ["Sent"]
    assert seen == ["127.0.0.2"]


def test_an_address_that_is_none_of_ours_is_a_fault_that_says_so() -> None:
    with scripted() as listening:
        fault = fault_of(relay_at(listening.port, source="192.0.2.1"))
    assert isinstance(fault, RelayFault)
    assert "192.0.2.1" in fault.reason
