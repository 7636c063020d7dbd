"""The faults of relays that do not bear what they offer: commands written ahead of the answers."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining, Timeouts
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, Batch, deliver, envelope, kinds, relay_at

SHORT = Timeouts(command=0.5, data=0.5, dot=0.5)
MAIL = b"MAIL FROM:<a@example.com>\r\n"
RCPT = b"RCPT TO:<b@example.com>\r\n"
DATA = b"DATA\r\n"
ENVELOPE = MAIL + RCPT + DATA
DOTTED = BODY + b".\r\n"
HELLO = b"EHLO localhost\r\n"
QUIT = b"QUIT\r\n"


def hang(peer: Peer) -> None:
    peer.hear_the_end()


def talk_garbage(peer: Peer) -> None:
    peer.say("what was that?")
    peer.hear_the_end()


@pytest.mark.parametrize("answers", [[], ["250 ok"], ["250 ok", "250 ok"]])
def test_fault_60_a_relay_that_hangs_on_a_whole_envelope_is_asked_step_by_step(
    answers: list[str], writes: list[bytes]
) -> None:
    def hanging(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(*answers)
        peer.hear_the_end()

    def patient(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for verb, answer in [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go")]:
            peer.hear(verb)
            peer.say(answer)
        peer.hear_message()
        peer.say("250 taken")
        peer.take_quit()

    with scripted(hanging, patient) as listening:
        relay = Dialler(relay_at(listening.port, timeouts=SHORT))
        first = deliver(relay, envelope())
        learnt = relay.limits.pipelining
        del writes[:]
        second = deliver(relay, envelope())
    assert (kinds(first.verdicts[0]), learnt) == (["Untouched"], Pipelining.OFF)
    assert kinds(second.verdicts[0]) == ["Sent"]
    assert writes == [HELLO, MAIL, RCPT, DATA, DOTTED, QUIT]


@pytest.mark.parametrize(
    ("answers", "then", "first"),
    [
        (["250 taken"], hang, "Sent"),
        (["250 taken"], Peer.close, "Sent"),
        (["250 taken"], Peer.reset, "Sent"),
        # Who loses count may have answered something else than the dot.
        (["250 taken"], talk_garbage, "InDoubt"),
        *(([], then, "InDoubt") for then in (hang, talk_garbage, Peer.close, Peer.reset)),
    ],
)
def test_fault_61_a_relay_that_drops_what_rides_behind_the_dot_costs_one_doubt_at_most(
    answers: list[str], then: Callable[[Peer], None], first: str, writes: list[bytes]
) -> None:
    def deaf(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        assert peer.hear_message() == BODY
        peer.hear_envelope()
        peer.say(*answers)
        then(peer)

    def sound(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for _ in range(2):
            assert peer.take_mail() == BODY
        peer.take_quit()

    with scripted(deaf, sound) as listening:
        relay = Dialler(relay_at(listening.port, timeouts=SHORT))
        outcome = deliver(relay, envelope(), envelope(), envelope())
        learnt = relay.limits.pipelining
        del writes[:]
        again = deliver(relay, envelope(), envelope())
    assert [[first], ["Untouched"], []] == [kinds(verdicts) for verdicts in outcome.verdicts]
    assert Pipelining.MAIL is learnt
    assert [kinds(verdicts) for verdicts in again.verdicts] == [["Sent"], ["Sent"]]
    assert writes == [HELLO, ENVELOPE, DOTTED, ENVELOPE, DOTTED, QUIT]


def test_fault_61_a_relay_that_closes_a_connection_on_which_chained_input_worked_is_not_downgraded() -> None:
    def weary(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        peer.say("250 2.0.0 Ok: queued as 4X")

    with scripted(weary) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Sent"], ["Untouched"]]
    assert Pipelining.AUTO is relay.limits.pipelining


def test_fault_61_until_chained_input_is_proven_only_one_connection_tries_it(writes: list[bytes]) -> None:
    """The first connection's chained envelope is out and unanswered while the second sends its mails."""
    second_done = threading.Event()

    def trying(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        assert second_done.wait(20)
        peer.say("250 taken", "250 ok", "250 ok", "354 go")
        peer.hear_message()
        peer.say("250 taken")
        peer.take_quit()

    def plain(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()

    async def run(first: Dialler, second: Dialler) -> list[list[str]]:
        one, two = await first.connect(), await second.connect()
        assert isinstance(one, Connection)
        assert isinstance(two, Connection)
        batches = [Batch([envelope()] * 2) for _ in range(2)]
        trial = asyncio.ensure_future(one.carry(batches[0].next_mail))
        while DOTTED + ENVELOPE not in writes:  # noqa: ASYNC110 the other side of a socket sets no event
            await asyncio.sleep(0.01)
        await two.carry(batches[1].next_mail)
        await two.quit()
        second_done.set()
        await trial
        await one.quit()
        return [kinds(verdicts) for batch in batches for verdicts in batch.verdicts]

    with scripted(trying) as one, scripted(plain) as two:
        first, second = Dialler(relay_at(one.port)), Dialler(relay_at(two.port))
        second.limits = first.limits
        assert asyncio.run(run(first, second)) == [["Sent"]] * 4
    assert writes.count(DOTTED + ENVELOPE) == 1
    assert writes.count(DOTTED) == 3
    assert first.limits.proven


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (Pipelining.AUTO, [ENVELOPE, DOTTED + ENVELOPE, DOTTED]),
        (Pipelining.MAIL, [ENVELOPE, DOTTED, ENVELOPE, DOTTED]),
        (Pipelining.OFF, [MAIL, RCPT, DATA, DOTTED] * 2),
    ],
)
def test_fault_61_what_a_person_allows_is_obeyed_to_the_byte(
    allowed: Pipelining, expected: list[bytes], writes: list[bytes]
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for _ in range(2):
            for verb, answer in [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go")]:
                peer.hear(verb)
                peer.say(answer)
            peer.hear_message()
            peer.say("250 taken")
        peer.take_quit()

    with scripted(server) as listening:
        outcome = deliver(relay_at(listening.port, pipelining=allowed), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Sent"]]
    assert [HELLO, *expected, QUIT] == writes
