"""The faults of answers where the next envelope rides behind the dot: no answer finds a wrong question."""

from contextlib import suppress

import pytest

from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining, Timeouts
from outbox.mail.verdict import InDoubt, Untouched
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, deliver, envelope, kinds, relay_at

SHORT = Timeouts(command=0.5, data=0.5, dot=0.5)


def take_one_and_hear_the_next(peer: Peer) -> None:
    """Take the first mail up to its dot, and the envelope that rides behind it."""
    peer.greet("PIPELINING")
    peer.take_envelope()
    peer.hear_message()
    peer.hear_envelope()


def test_fault_47_answers_that_come_after_our_patience_never_answer_the_mail_that_rode_behind() -> None:
    def late(peer: Peer) -> None:
        take_one_and_hear_the_next(peer)
        peer.hear_the_end()
        with suppress(OSError):  # nobody is there any more
            peer.say("250 taken", "250 ok", "250 ok", "354 go", "250 taken, too")

    def refusing(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail("554 5.6.0 never") == BODY
        peer.take_quit()

    with scripted(late, refusing) as listening:
        relay = Dialler(relay_at(listening.port, timeouts=SHORT))
        first = deliver(relay, envelope(), envelope())
        again = deliver(relay, envelope())
    assert [kinds(verdicts) for verdicts in first.verdicts] == [["InDoubt"], ["Untouched"]]
    assert [kinds(verdicts) for verdicts in again.verdicts] == [["Rejected"]]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "answers", [["250 ok", "250 ok", "250 surplus", "354 go"], ["250 ok", "354 go"], ["354 go"]]
)
def test_fault_51_an_answer_too_many_or_too_few_costs_one_doubt_and_the_chained_mail_nothing(
    answers: list[str], *, together: bool
) -> None:
    def server(peer: Peer) -> None:
        take_one_and_hear_the_next(peer)
        if together:
            peer.say("250 taken", *answers)
        else:
            for answer in ["250 taken", *answers]:
                with suppress(OSError):  # it may have had enough of us
                    peer.say(answer)
        peer.hear_the_end()
        assert peer.heard.count(b"Subject") == 1

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port, timeouts=SHORT))
        outcome = deliver(relay, envelope(), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["InDoubt"], ["Untouched"], []]
    assert Pipelining.MAIL is relay.limits.pipelining


def test_fault_51_a_surplus_answer_behind_a_chained_go_ahead_ends_the_connection_before_the_body() -> None:
    def server(peer: Peer) -> None:
        take_one_and_hear_the_next(peer)
        peer.say("250 taken", "250 ok", "250 ok", "354 go", "250 taken")
        peer.hear_the_end()
        assert peer.heard.count(b"Subject") == 1

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["RelayFault"]]


def test_fault_52_after_three_go_aheads_for_nobody_data_waits_for_the_recipients(writes: list[bytes]) -> None:
    def wanting(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", "550 5.1.1 nobody", "354 go")
        peer.hear_the_end()
        assert b"Subject" not in peer.heard

    def careful(peer: Peer) -> None:
        peer.greet("PIPELINING")
        for answer in ["250 ok", "550 5.1.1 nobody", "250 ok"]:
            peer.hear("MAIL")
            peer.say("250 ok")
            peer.hear("RCPT")
            peer.say(answer)
            if answer.startswith("550"):
                peer.hear("RSET")
                peer.say("250 ok")
                continue
            peer.hear("DATA")
            peer.say("354 go")
            peer.hear_message()
            peer.say("250 taken")
        peer.take_quit()

    with scripted(wanting, wanting, wanting, careful) as listening:
        relay = Dialler(relay_at(listening.port))
        for expected in (False, False, True):
            assert kinds(deliver(relay, envelope()).verdicts[0]) == ["Rejected"]
            assert expected == relay.limits.data_apart
        del writes[:]
        outcome = deliver(relay, envelope(), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Rejected"], ["Sent"]]
    assert Pipelining.AUTO is relay.limits.pipelining
    recipients = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
    assert [
        b"EHLO localhost\r\n",
        recipients,
        b"DATA\r\n",
        BODY + b".\r\n" + recipients,
        b"RSET\r\n",
        recipients,
        b"DATA\r\n",
        BODY + b".\r\n",
        b"QUIT\r\n",
    ] == writes


@pytest.mark.parametrize(
    "answers",
    [
        ["250 2.1.0 sender ok", "250 2.1.5 recipient ok", "354 go", "554 5.7.1 the mail is refused"],
        ["550 5.1.0 no such sender", "503 5.5.1 no", "503 5.5.1 no", "250 2.0.0 taken"],
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_fault_51_an_answer_out_of_order_is_not_believed_before_chaining_is_proven(
    answers: list[str], *, together: bool
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        if together:
            peer.say(*answers)
        else:
            for answer in answers:
                with suppress(OSError):  # it may have had enough of us
                    peer.say(answer)
        peer.hear_the_end()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(), envelope())
    first, second = (verdict for (verdict,) in outcome.verdicts)
    assert isinstance(first, InDoubt), first
    assert first.evidence is not None
    assert "lost count" in first.reason
    assert isinstance(second, Untouched)
    assert relay.limits.pipelining is Pipelining.MAIL
