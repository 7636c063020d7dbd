"""What a relay's words are believed to say, where they are out of step, out of turn or out of place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Pipelining, Secret, Timeouts, TlsMode
from outbox.mail.verdict import Rejected, Sent, Untouched
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, deliver, envelope, fault_of, kinds, relay_at
from tests.support.sliced import SlicedTls
from tests.support.tls import Authority

THREE = ("one@example.com", "two@example.com", "three@example.com")


def test_fault_46_half_a_tls_record_before_the_dot_keeps_the_dot_back(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    dots: list[bool] = []

    def server(peer: Peer) -> None:
        tls = SlicedTls(peer, authority.server_context())
        tls.shake_hands()
        peer.say(tls.sealed(b"220 hi\r\n"))
        tls.hear(b"EHLO localhost\r\n")
        peer.say(tls.sealed(b"250-hi\r\n250 PIPELINING\r\n"))
        tls.hear(b"DATA\r\n")
        go_ahead = tls.sealed(b"250 ok\r\n250 ok\r\n354 go\r\n")
        surplus = tls.sealed(b"250 one reply too many\r\n")
        # Half of the surplus comes with the go-ahead: it lies in OpenSSL, neither in the socket nor in words.
        half = len(surplus) // 2
        peer.say(go_ahead + surplus[:half])
        try:
            tls.hear(b"\r\n.\r\n")
            dots.append(True)
            peer.say(surplus[half:])
            peer.hear_the_end()
        except AssertionError:  # the client left without a dot
            dots.append(False)

    with scripted(server) as listening:
        relay = relay_at(listening.port, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file)
        outcome = deliver(replace(relay, timeouts=Timeouts(command=0.5, data=0.5)), envelope())
    assert kinds(outcome.verdicts[0]) == ["Deferred"]
    assert dots == [False]


def test_fault_51_refusals_before_a_lost_count_are_taken_back() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(3)
        peer.say("250 ok", "250 surplus", "250 one", "550 two", "250 three", "354 go")
        peer.hear_the_end()

    with scripted(server) as listening:
        relay = Dialler(relay_at(listening.port))
        outcome = deliver(relay, envelope(*THREE))
    assert [Untouched] * 3 == [type(verdict) for verdict in outcome.verdicts[0]]
    assert relay.limits.pipelining is Pipelining.OFF


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ("554 5.3.2 overloaded, come later", "EHLO: 554 5.3.2"),
        ("550 5.7.1 your host is blocked", "EHLO: 550"),
    ],
)
def test_a_refusal_of_ehlo_that_speaks_of_us_is_no_reason_for_helo(refusal: str, expected: str) -> None:
    def server(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear("EHLO")
        peer.say(refusal)
        peer.hear("QUIT")
        peer.hear_the_end()

    with scripted(server) as relay:
        assert expected in fault_of(relay_at(relay.port)).reason


def test_a_farewell_in_answer_to_optional_starttls_keeps_its_words() -> None:
    def server(peer: Peer) -> None:
        peer.greet("STARTTLS")
        peer.hear("STARTTLS")
        peer.say("421 4.3.2 shutting down")
        peer.hear_the_end()

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, tls=TlsMode.OPPORTUNISTIC))
    assert "shutting down" in fault.reason


def test_a_challenge_that_cannot_be_answered_is_cancelled_before_we_leave() -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH PLAIN")
        peer.hear("AUTH PLAIN")
        peer.say("334 !!")
        peer.hear("*")
        peer.hear("QUIT")
        peer.hear_the_end()

    with scripted(server) as relay:
        fault = fault_of(
            relay_at(relay.port, username="me", password=Secret("sesame"), allow_plaintext_auth=True)
        )
    assert "not base64" in fault.reason


def test_a_relay_that_repeats_our_password_in_a_refusal_of_a_mail_puts_it_nowhere() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING", "AUTH PLAIN")
        peer.hear("AUTH PLAIN")
        peer.say("235 ok")
        peer.hear_envelope()
        peer.say("250 ok", "550 5.1.1 nobody; your password is hunter2hunter2", "503 no")
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_mail("250 2.0.0 taken, hunter2hunter2")
        peer.take_quit()

    with scripted(server) as listening:
        relay = relay_at(
            listening.port, username="me", password=Secret("hunter2hunter2"), allow_plaintext_auth=True
        )
        outcome = deliver(relay, envelope(), envelope())
    (refused,), (sent,) = outcome.verdicts
    assert isinstance(refused, Rejected)
    assert isinstance(sent, Sent)
    assert "hunter2" not in repr(outcome.verdicts)


def test_the_name_of_a_mechanism_is_no_secret() -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH LOGIN")
        peer.hear("AUTH LOGIN")
        peer.say("535 5.7.8 LOGIN authentication failed: account locked")
        peer.hear_the_end()

    with scripted(server) as listening:
        fault = fault_of(
            relay_at(
                listening.port,
                username="me",
                password=Secret("sesame"),
                mechanism="LOGIN",
                allow_plaintext_auth=True,
            )
        )
    assert "LOGIN authentication failed: account locked" in fault.reason


def test_fault_53_more_recipients_than_the_relay_announced_are_not_said() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING", "LIMITS RCPTMAX=2")
        assert peer.take_mail(recipients=2) == BODY
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Sent", "Sent", "Untouched"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_fault_51_a_lost_count_that_shows_at_rset_makes_no_refusal_final(*, pipelining: bool) -> None:
    def server(peer: Peer) -> None:
        peer.greet(*["PIPELINING"] * pipelining)
        if pipelining:
            peer.hear_envelope(2)
            peer.say("250 ok", "250 surplus", "450 one, later", "550 two", "554 no recipients")
        else:
            for verb, answer in [
                ("MAIL", "250 ok"),
                ("RCPT", "250 surplus"),
                ("RCPT", "450 one, later"),
                ("DATA", "550 two"),
                ("RSET", "554 no recipients"),
            ]:
                peer.hear(verb)
                peer.say(answer)
        peer.hear_the_end()

    two = envelope("one@example.com", "two@example.com")
    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), two)
    assert not any(isinstance(verdict, Rejected) for verdict in outcome.verdicts[0]), outcome


@pytest.mark.parametrize(
    ("answers", "then"),
    [
        (["250 sender", "554 the mail is refused", "250 recipient", "354 go"], Peer.hear_the_end),
        (["250 sender", "250 recipient", "554 the mail is refused", "354 go"], Peer.hear_the_end),
        (["250 sender", "554 the mail is refused"], Peer.close),
        (["250 sender", "554 the mail is refused", "421 leaving"], Peer.close),
    ],
)
def test_fault_51_no_order_of_answers_makes_a_refused_mail_sent_while_chaining_is_on_trial(
    answers: list[str], then: Callable[[Peer], None]
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()
        peer.say(*answers)
        then(peer)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["InDoubt"], ["Untouched"]]


def test_fault_67_lmtp_answers_out_of_order_are_not_believed_while_chaining_is_on_trial() -> None:
    def server(peer: Peer) -> None:
        peer.say("220 hi")
        peer.hear("LHLO")
        peer.say("250-hi", "250 PIPELINING")
        peer.take_envelope(3)
        peer.hear_message()
        peer.hear_envelope()
        peer.say("250 sender", "250 recipient", "354 go")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, lmtp=True), envelope(*THREE), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["InDoubt"] * 3, ["Untouched"]]


@pytest.mark.parametrize("password", ["pässwört-geheim", "ab\\cd'ef\"gh"])
def test_a_line_that_is_no_reply_repeats_no_password_however_it_is_written(password: str) -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH PLAIN")
        peer.hear("AUTH PLAIN")
        peer.say(f"?? {password}")
        peer.hear_the_end()

    with scripted(server) as listening:
        relay = relay_at(listening.port, username="me", password=Secret(password), allow_plaintext_auth=True)
        fault = fault_of(relay)
    assert fault.reason.endswith("not an SMTP reply: '?? <secret>'")
