"""The faults of an SMTP dialogue, by number: what each may cost, and what it must never cost."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from outbox.delivery.connection import Connection, connect
from outbox.delivery.relay import Relay, Secret, Timeouts, TlsMode
from outbox.mail.verdict import Answer, Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, LARGE, deliver, envelope, fault_of, kinds, relay_at, yes
from tests.support.tls import Authority

PASSWORD = "sesame-sesame"
SHORT = Timeouts(connect=5, tls=5, command=0.2, data=0.2, block=0.2, dot=0.2, reset=0.2, quit=0.2)
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
    assert not outcome.outstanding_dot


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
    reason = f"{Stage.END_OF_DATA}: no answer within 0.05 seconds"
    assert [[InDoubt(Stage.END_OF_DATA.value, reason, None)]] == outcome.verdicts


def test_fault_44_a_cancelled_wait_for_the_answer_tells_that_the_dot_is_out() -> None:
    async def run(relay: Relay) -> tuple[bool, bool]:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)
        checked = asyncio.Event()
        sending = asyncio.ensure_future(connection.send(envelope(), checked.set))
        await checked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        return connection.outstanding_dot, connection.usable

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_the_end()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == (True, False)


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

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*THREE))
    assert kinds(outcome.verdicts[0]) == ["Rejected", "RelayFault", "RelayFault"]


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
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Untouched"]]


@pytest.mark.parametrize(
    "greeting", ["554 5.3.2 no service", "421 4.3.2 busy", "450 later", "hello?", "999 hm"]
)
def test_fault_55_a_refusing_greeting_is_a_fault_of_the_relay(greeting: str) -> None:
    def server(peer: Peer) -> None:
        peer.say(greeting)
        peer.hear_the_end()
        assert peer.heard == b""

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port))
    assert fault.stage == "greeting"
    assert fault.reason.startswith("relay main: greeting: ")


@pytest.mark.parametrize("refusal", ["535 5.7.8 bad password", "454 4.7.0 later", "530 5.7.0 hm", "334 "])
def test_fault_56_a_refused_password_is_a_fault_of_the_relay(refusal: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        peer.start_tls(authority.server_context())
        peer.greet("AUTH PLAIN")
        peer.hear("AUTH PLAIN")
        peer.say(refusal)
        peer.hear_the_end()

    with scripted(server) as relay:
        fault = fault_of(with_password(relay.port, authority, TlsMode.IMPLICIT))
    assert fault.stage == "AUTH"
    assert PASSWORD not in repr(fault)


@pytest.mark.parametrize("refusal", ["530 5.7.0 Authentication required", "535 5.7.8 expired"])
def test_fault_56_a_password_that_expired_meanwhile_fails_no_mail(refusal: str) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(refusal, "503 5.5.1 bad sequence", "503 5.5.1 bad sequence")
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["RelayFault"]
    assert not outcome.usable


def test_fault_63_a_connection_that_died_while_idle_is_not_used() -> None:
    closed = threading.Event()

    async def run(relay: Relay) -> None:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)
        await connection.send(envelope(), yes)
        await asyncio.to_thread(closed.wait)
        (verdict,) = await connection.send(envelope(), yes)
        assert isinstance(verdict, Untouched)

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.close()
        closed.set()

    with scripted(server) as relay:
        asyncio.run(run(relay_at(relay.port)))


def test_fault_63_a_used_connection_that_dies_under_the_next_mail_leaves_it_untouched() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.hear_envelope()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Untouched"]]


def test_fault_64_a_stripped_starttls_is_a_refusal_before_any_password() -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH PLAIN")
        peer.hear_the_end()
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, tls=TlsMode.STARTTLS, username="me", password=Secret(PASSWORD)))
    expected = "relay main: STARTTLS: the server does not offer STARTTLS"
    assert RelayFault("STARTTLS", expected, None) == fault


@pytest.mark.parametrize("injected", ["250 ok", b"250", b"\x16\x03"])
def test_fault_64_bytes_injected_behind_starttls_end_the_connection(injected: str | bytes) -> None:
    def server(peer: Peer) -> None:
        peer.greet("STARTTLS")
        peer.hear("STARTTLS")
        peer.say("220 go", injected)
        peer.hear_the_end()
        assert peer.heard.endswith(b"STARTTLS\r\n")

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, tls=TlsMode.STARTTLS))
    assert fault.stage in ("STARTTLS", "TLS handshake")


def test_fault_64_what_was_offered_in_the_clear_is_forgotten(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        peer.greet("STARTTLS", "AUTH PLAIN", "PIPELINING")
        peer.hear("STARTTLS")
        peer.say("220 go")
        peer.start_tls(authority.server_context())
        peer.answer_ehlo()
        peer.hear_the_end()
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        fault = fault_of(with_password(relay.port, authority, TlsMode.STARTTLS))
    expected = "relay main: AUTH: the server offers no AUTH at all, we speak PLAIN"
    assert RelayFault("AUTH", expected, None) == fault


@pytest.mark.parametrize("mode", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize(
    ("name", "expired", "trusted", "words"),
    [
        ("127.0.0.1", False, False, "certificate of 127.0.0.1 is not trusted"),
        ("other.example", False, True, "certificate of 127.0.0.1 is for another name"),
        ("127.0.0.1", True, True, "certificate of 127.0.0.1 has expired"),
    ],
)
def test_fault_65_a_bad_certificate_sees_no_password(
    name: str, words: str, mode: TlsMode, tmp_path: Path, *, expired: bool, trusted: bool
) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        if mode is TlsMode.STARTTLS:
            peer.greet("STARTTLS", "AUTH PLAIN")
            peer.hear("STARTTLS")
            peer.say("220 go")
        with pytest.raises(OSError, match=r"alert|certificate|EOF|reset"):
            peer.start_tls(authority.server_context(name, expired=expired))
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        told = with_password(relay.port, authority, mode) if trusted else relay_at(relay.port, tls=mode)
        fault = fault_of(told)
    assert fault.stage == "TLS handshake"
    assert fault.reason.startswith(f"relay main: TLS handshake: {words}")


def test_fault_65_a_password_is_never_said_without_tls() -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH PLAIN")
        peer.hear_the_end()
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, username="me", password=Secret(PASSWORD)))
    assert fault.stage == "AUTH"


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


def with_password(port: int, authority: Authority, mode: TlsMode) -> Relay:
    return relay_at(port, tls=mode, ca_file=authority.ca_file, username="me", password=Secret(PASSWORD))
