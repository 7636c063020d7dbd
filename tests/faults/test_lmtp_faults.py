"""The faults of LMTP: every recipient has an answer of its own, and what is answered stays answered."""

from collections.abc import Callable

import pytest

from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, deliver, envelope, kinds, relay_at

THREE = ("one@example.com", "two@example.com", "three@example.com")


def greet(peer: Peer) -> None:
    """Begin an LMTP session that pipelines."""
    peer.say("220 lmtp.example LMTP")
    peer.hear("LHLO")
    peer.say("250-lmtp.example", "250 PIPELINING")


@pytest.mark.parametrize("end", [Peer.close, Peer.reset])
@pytest.mark.parametrize("answered", [0, 1, 2])
def test_fault_67_a_cut_between_the_replies_leaves_in_doubt_only_who_has_none(
    answered: int, end: Callable[[Peer], None]
) -> None:
    def server(peer: Peer) -> None:
        greet(peer)
        peer.take_envelope(3)
        assert peer.hear_message() == BODY
        peer.say(*["250 2.0.0 delivered"] * answered)
        end(peer)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Sent"] * answered + ["InDoubt"] * (3 - answered)
    assert not outcome.usable


def test_fault_67_each_recipient_has_its_own_reply_also_behind_a_refused_one() -> None:
    def server(peer: Peer) -> None:
        greet(peer)
        peer.hear_envelope(4)
        peer.say("250 ok", "250 ok", "550 5.1.1 nobody", "250 ok", "250 ok", "354 go")
        peer.hear_message()
        peer.say("452 4.2.2 full", "250 2.0.0 delivered", "554 5.6.0 never")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), envelope(*THREE, "four@example.com"))
    assert kinds(outcome.verdicts[0]) == ["Deferred", "Rejected", "Sent", "Rejected"]
    assert outcome.usable


def test_fault_67_a_farewell_between_the_replies_defers_whom_it_answers_and_doubts_the_rest() -> None:
    def server(peer: Peer) -> None:
        greet(peer)
        peer.take_envelope(3)
        peer.hear_message()
        peer.say("250 2.0.0 delivered", "421 4.3.2 closing")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Sent", "Deferred", "InDoubt"]


def test_fault_67_chained_mails_have_a_reply_for_each_recipient_of_each_mail(writes: list[bytes]) -> None:
    def server(peer: Peer) -> None:
        greet(peer)
        peer.take_envelope(3)
        for _ in range(2):
            peer.hear_message()
            peer.hear_envelope(3)
            # The replies to the dot, then those to the envelope behind it.
            peer.say("250 yes", "451 4.2.0 later", "550 5.2.1 no", *["250 ok"] * 4, "354 go")
        peer.hear_message()
        peer.say("250 yes", "250 yes", "250 yes")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), *[envelope(*THREE)] * 3)
    mixed = ["Sent", "Deferred", "Rejected"]
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [mixed, mixed, ["Sent"] * 3]
    assert sum(b"\r\n.\r\nMAIL FROM" in each for each in writes) == 2


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_fault_67_a_cut_between_the_replies_leaves_the_mail_behind_the_dot_untouched(answered: int) -> None:
    def server(peer: Peer) -> None:
        greet(peer)
        peer.take_envelope(3)
        peer.hear_message()
        peer.hear_envelope(3)
        peer.say(*["250 2.0.0 delivered"] * answered)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), envelope(*THREE), envelope(*THREE))
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [
        ["Sent"] * answered + ["InDoubt"] * (3 - answered),
        ["Untouched"] * 3,
    ]
