"""The faults of a mail under way, by number: what each may cost, and what it must never cost."""

import asyncio
from collections.abc import Callable

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining, Relay, Timeouts
from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Verdict
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, LARGE, Batch, deliver, envelope, kinds, relay_at

THREE = ("one@example.com", "two@example.com", "three@example.com")


def test_fault_43_a_cut_before_the_dot_defers_the_mail() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_at_least(1000)
        peer.reset()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(body=LARGE))
    (verdict,) = outcome.verdicts[0]
    assert isinstance(verdict, Deferred)
    assert verdict.stage == "message body"
    assert not outcome.usable


@pytest.mark.parametrize("end", [Peer.close, Peer.reset])
def test_fault_44_a_cut_after_the_dot_leaves_the_mail_in_doubt(end: Callable[[Peer], None]) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        assert peer.hear_message() == BODY
        end(peer)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    (verdict,) = outcome.verdicts[0]
    assert isinstance(verdict, InDoubt)
    assert Stage.END_OF_DATA.value == verdict.stage
    assert not outcome.usable


def test_fault_44_a_timeout_after_the_dot_leaves_the_mail_in_doubt() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=Timeouts(dot=0.05)), envelope())
    (verdict,) = outcome.verdicts[0]
    assert isinstance(verdict, InDoubt)
    assert f"{Stage.END_OF_DATA}: no answer within 0.05 seconds" == verdict.reason
    assert verdict.evidence is not None
    assert len(BODY) + len(b".\r\n") == verdict.evidence.written
    assert 0.05 <= verdict.evidence.waited < 20


def test_fault_44_a_cancelled_wait_for_the_answer_tells_that_the_dot_is_out() -> None:
    async def run(relay: Relay) -> tuple[list[str], bool]:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        checked = asyncio.Event()
        batch = Batch([envelope()], checked.set)
        sending = asyncio.ensure_future(connection.carry(batch.next_mail))
        await checked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        return kinds(batch.verdicts[0]), connection.usable

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_the_end()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == (["InDoubt"], False)


def test_an_answer_that_has_come_counts_also_where_the_work_is_cancelled() -> None:
    async def run(relay: Relay) -> list[Verdict]:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        batch = Batch([envelope()])
        carrying = asyncio.ensure_future(connection.carry(batch.next_mail))
        wake = connection._wake

        def wake_and_cancel(error: Exception | None = None) -> None:
            wake(error)
            carrying.cancel()  # after the answer, before the owner could see it

        connection._wake = wake_and_cancel  # type: ignore[method-assign] # the moment cannot be met otherwise
        with pytest.raises(asyncio.CancelledError):
            await carrying
        return batch.verdicts[0]

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail("250 2.6.0 taken")
        peer.hear_the_end()

    with scripted(server) as relay:
        assert [Sent(Answer(250, "2.6.0", "taken"), None)] == asyncio.run(run(relay_at(relay.port)))


def test_fault_54_a_farewell_in_place_of_the_next_mail_says_nothing_of_it() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail("250 taken")
        peer.hear("MAIL FROM")
        peer.say("421 4.7.0 too many messages in one connection")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert kinds(outcome.verdicts[0]) == ["Sent"]
    assert kinds(outcome.verdicts[1]) == ["Untouched"]
    assert not outcome.usable


@pytest.mark.parametrize("code", [200, 250, 251, 299])
def test_fault_48_any_2yz_to_the_dot_is_success(code: int) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail(f"{code} 2.6.0 taken")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert [[Sent(Answer(code, "2.6.0", "taken"), None)]] == outcome.verdicts
    assert outcome.usable


@pytest.mark.parametrize("answer", ["150 hm", "354 go", "600 hm", "999 hm", "25 hm", "hello", "250?"])
def test_fault_48_an_answer_that_is_none_leaves_the_mail_in_doubt(answer: str) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail(answer)
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["InDoubt"]
    assert not outcome.usable


@pytest.mark.parametrize("pipelining", [True, False])
def test_fault_50_only_accepted_recipients_inherit_the_answer_to_the_dot(*, pipelining: bool) -> None:
    def server(peer: Peer) -> None:
        peer.greet(*["PIPELINING"] * pipelining)
        for verb, answer in [
            ("MAIL FROM", "250 ok"),
            ("RCPT TO", "550 5.1.1 nobody"),
            ("RCPT TO", "250 ok"),
            ("RCPT TO", "451 4.2.0 busy"),
            ("DATA", "354 go"),
        ]:
            peer.hear(verb)
            peer.say(answer)
        peer.hear_message()
        peer.say("554 5.6.0 never")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    dot = Stage.END_OF_DATA.value
    assert [
        Rejected("RCPT TO", "RCPT TO: 550 5.1.1 nobody", Answer(550, "5.1.1", "nobody")),
        Rejected(dot, f"{dot}: 554 5.6.0 never", Answer(554, "5.6.0", "never")),
        Deferred("RCPT TO", "RCPT TO: 451 4.2.0 busy", Answer(451, "4.2.0", "busy")),
    ] == outcome.verdicts[0]
    assert outcome.usable


def test_fault_50_a_recipient_that_was_refused_keeps_its_verdict_when_the_rest_is_in_doubt() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(3)
        peer.say("250 ok", "250 ok", "550 5.1.1 nobody", "250 ok", "354 go")
        peer.hear_message()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["InDoubt", "Rejected", "InDoubt"]


@pytest.mark.parametrize("at", [Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA])
def test_fault_54_a_421_before_the_dot_is_a_fault_of_the_relay(at: Stage) -> None:
    answers = {Stage.MAIL_FROM: [], Stage.RCPT_TO: ["250 ok"], Stage.DATA: ["250 ok", "250 ok"]}

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(*answers[at], "421 4.3.2 closing")

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    words = Answer(421, "4.3.2", "closing")
    assert [[RelayFault(at.value, f"relay main: {at}: 421 4.3.2 closing", words)]] == outcome.verdicts
    assert not outcome.usable


def test_fault_54_a_421_to_the_dot_is_an_answer_and_defers() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail("421 4.3.2 closing")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["Deferred"]
    assert not outcome.usable


def test_fault_54_a_421_to_an_idle_connection_touches_no_mail() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.say("250 ok", "421 4.4.2 idle for too long")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, pipelining=Pipelining.MAIL), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], []]
