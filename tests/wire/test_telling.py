"""Each mail is told its verdicts once and as soon as they are known, whatever its owner does with them."""

import asyncio
from collections.abc import Callable

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.mail import Mail
from outbox.mail.verdict import Verdict
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, Batch, deliver, envelope, kinds, relay_at


class Owner:
    """Hands out mails, and raises when those that it was told to are told their verdicts."""

    def __init__(self, count: int, *broken: int) -> None:
        self.told: dict[int, list[str]] = {}
        self._broken = broken
        self._mails = [Mail(envelope(), lambda: None, self._settled(n)) for n in range(count)]

    def next_mail(self) -> Mail | None:
        return self._mails.pop(0) if self._mails else None

    def _settled(self, n: int) -> Callable[[list[Verdict]], None]:
        def settled(verdicts: list[Verdict]) -> None:
            assert n not in self.told
            self.told[n] = kinds(verdicts)
            if n in self._broken:
                raise ZeroDivisionError(n)

        return settled


def carry(owner: Owner, port: int) -> None:
    async def run() -> None:
        connection = await Dialler(relay_at(port)).connect()
        assert isinstance(connection, Connection)
        try:
            await connection.carry(owner.next_mail)
        finally:
            connection.abort()

    asyncio.run(run())


@pytest.mark.parametrize("broken", [0, 1])
def test_an_owner_that_breaks_keeps_no_other_mail_from_its_verdicts(broken: int) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        peer.close()

    owner = Owner(2, broken)
    with scripted(server) as relay, pytest.raises(ZeroDivisionError, match=str(broken)):
        carry(owner, relay.port)
    assert owner.told == {0: ["InDoubt"], 1: ["Untouched"]}


def test_an_owner_that_breaks_in_the_middle_ends_the_work_after_what_has_begun() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_mail()
        peer.hear_the_end()

    owner = Owner(3, 0)
    with scripted(server) as relay, pytest.raises(ZeroDivisionError):
        carry(owner, relay.port)
    assert owner.told == {0: ["Sent"], 1: ["Sent"]}


def test_a_proven_relays_answer_is_told_at_once_whatever_the_next_envelope_waits_for() -> None:
    batch = Batch([envelope(), envelope()])

    def proving(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()

    def slow(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        peer.say("250 taken")
        peer.wait_until(lambda: batch.told[0] == 1)
        peer.say("250 ok", "250 ok", "354 go")
        peer.hear_message()
        peer.say("250 taken")

    async def run(dialler: Dialler) -> None:
        connection = await dialler.connect()
        assert isinstance(connection, Connection)
        await connection.carry(batch.next_mail)
        connection.abort()

    with scripted(proving, slow) as listening:
        dialler = Dialler(relay_at(listening.port))
        deliver(dialler, envelope(), envelope())
        asyncio.run(run(dialler))
    assert batch.told == [1, 1]


def test_an_owner_that_has_no_next_mail_but_an_error_still_gets_the_mail_before_sent() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail() == BODY
        peer.hear_the_end()

    owner = Owner(1)
    first = owner.next_mail()
    waiting = [first]

    def next_mail() -> Mail | None:
        if not waiting:
            raise ZeroDivisionError(0)
        return waiting.pop()

    owner.next_mail = next_mail  # type: ignore[method-assign] # an owner that breaks
    with scripted(server) as relay, pytest.raises(ZeroDivisionError):
        carry(owner, relay.port)
    assert owner.told == {0: ["Sent"]}
