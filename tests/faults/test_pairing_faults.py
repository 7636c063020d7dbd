"""The faults of answers that come early, late, once too often or not at all, by number."""

from collections.abc import Callable

import pytest

from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining, Timeouts
from outbox.mail.verdict import Deferred, Rejected, RelayFault, Untouched
from tests.support.scripted import Peer, scripted
from tests.support.sending import LARGE, deliver, envelope, kinds, relay_at

SHORT = Timeouts(connect=5, tls=5, command=0.2, data=0.2, block=0.2, dot=0.2, reset=0.2, quit=0.2)
THREE = ("one@example.com", "two@example.com", "three@example.com")


@pytest.mark.parametrize("early", ["250 2.0.0 Ok: queued as LIE", "250-more to come", "garbage"])
@pytest.mark.parametrize("together", [True, False])
def test_fault_46_an_answer_before_the_dot_never_counts_as_sent(early: str, *, together: bool) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        if together:
            peer.say("250 ok", "250 ok", "354 go", early)
        else:
            peer.say("250 ok", "250 ok", "354 go")
            peer.hear_at_least(1000)
            peer.say(early)
        peer.hear_the_end()
        assert not peer.heard.endswith(b"\r\n.\r\n")

    with scripted(server) as relay:
        timeouts = Timeouts(block=0.5)  # for what is never a whole answer
        outcome = deliver(relay_at(relay.port, timeouts=timeouts), envelope(body=LARGE))
    assert kinds(outcome.verdicts[0])[0] in ("RelayFault", "Deferred")
    assert not outcome.usable


def test_fault_46_the_socket_is_looked_at_before_the_dot() -> None:
    """An answer that lies in the kernel while the last-moment check runs is heard first."""

    def server(peer: Peer) -> None:
        peer.greet()
        peer.hear("MAIL FROM")
        peer.say("250 ok")
        peer.hear("RCPT TO")
        peer.say("250 ok")
        peer.hear("DATA")
        peer.say("354 go", "250 2.0.0 Ok: queued as LIE")
        peer.hear_the_end()
        assert b"Subject" not in peer.heard

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["RelayFault"]


def test_fault_47_a_late_answer_never_answers_the_next_question() -> None:
    """A timeout ends the connection, so there is no next question on it."""

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=SHORT), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["InDoubt"], ["Untouched"]]


@pytest.mark.parametrize("surplus", [1, 2])
def test_fault_51_a_surplus_answer_ends_the_connection_before_the_body(surplus: int) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(3)
        peer.say(*["250 ok"] * 4, "354 go", *["250 ok"] * surplus)
        peer.hear_the_end()
        assert b"Subject" not in peer.heard

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["RelayFault"] * 3


def test_fault_51_a_missing_answer_is_waited_for_and_nothing_is_mispaired() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(3)
        peer.say("250 ok", "550 5.1.1 nobody", "250 ok", "354 go")  # one RCPT has no answer
        peer.hear_the_end()
        assert b"Subject" not in peer.heard

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Untouched"] * 3
    assert Pipelining.OFF is relay.limits.pipelining


def test_fault_52_a_354_to_nobody_gets_no_body_and_no_dot() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(3)
        peer.say("250 ok", *["550 5.1.1 nobody"] * 3, "354 go")
        peer.hear_the_end()
        assert peer.heard.endswith(b"DATA\r\n")

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Rejected"] * 3
    assert not outcome.usable


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ("552 5.3.4 too big", Rejected),
        ("452 4.3.1 no space", Deferred),
        ("421 4.3.0 closing", RelayFault),
    ],
)
@pytest.mark.parametrize("end", [Peer.close, Peer.reset])
def test_fault_68_words_behind_which_the_relay_closed_are_heard(
    refusal: str, expected: type, end: Callable[[Peer], None]
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_at_least(1000)
        peer.say(refusal)
        # Its close with our bytes unread makes a RST, as real servers do.
        end(peer)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(body=LARGE))
    (verdict,) = outcome.verdicts[0]
    assert expected is type(verdict)
    assert not isinstance(verdict, Untouched)
    assert verdict.answer is not None
    assert refusal.startswith(str(verdict.answer.code))


def test_fault_68_a_refusal_in_the_body_without_a_close_is_never_final() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_at_least(1000)
        peer.say("552 5.3.4 too big")
        peer.hear_the_end()
        assert not peer.heard.endswith(b"\r\n.\r\n")

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=Timeouts(block=0.2)), envelope(body=LARGE))
    assert kinds(outcome.verdicts[0]) == ["Deferred"]
