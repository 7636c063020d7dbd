"""The faults of greeting, TLS, AUTH and idle connections, by number."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Relay, Secret, TlsMode
from tests.support.scripted import Peer, scripted
from tests.support.sending import Batch, deliver, envelope, fault_of, kinds, relay_at
from tests.support.tls import Authority
from tests.support.waiting import wait_until

PASSWORD = "sesame-sesame"


def say_farewell(peer: Peer) -> None:
    peer.say("421 4.4.2 idle for too long")


def say_half_a_word(peer: Peer) -> None:
    peer.say(b"42")


@pytest.mark.parametrize(
    "greeting", ["554 5.3.2 no service", "421 4.3.2 busy", "450 later", "hello?", "999 hm"]
)
def test_fault_55_a_refusing_greeting_is_a_fault_of_the_relay(greeting: str) -> None:
    def server(peer: Peer) -> None:
        peer.say(greeting)
        peer.hear_the_end()
        # Who refuses us in order waits for our QUIT (RFC 5321 §3.1).
        assert bytes(peer.heard) == (b"QUIT\r\n" if greeting[:3] in ("554", "450") else b"")

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


def test_a_relay_that_repeats_our_login_puts_no_password_into_its_fault(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    login: list[str] = []

    def server(peer: Peer) -> None:
        peer.start_tls(authority.server_context())
        peer.greet("AUTH PLAIN")
        login.append(peer.hear("AUTH PLAIN"))
        peer.say(f"502 5.5.1 unrecognized: {login[0]}")
        peer.hear_the_end()

    with scripted(server) as relay:
        fault = fault_of(with_password(relay.port, authority, TlsMode.IMPLICIT))
    assert len(login[0].split()) == 3
    assert login[0].split()[2] not in fault.reason
    assert "<secret>" in fault.reason


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


@pytest.mark.parametrize("end", [Peer.close, Peer.reset, say_farewell, say_half_a_word])
def test_fault_63_a_connection_that_died_while_idle_is_not_used(end: Callable[[Peer], None]) -> None:
    idle, over = threading.Event(), threading.Event()

    async def run(relay: Relay) -> None:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        await connection.carry(Batch([envelope()]).next_mail)
        assert connection.usable
        idle.set()
        # The loop stands still meanwhile: what the kernel knows is enough.
        assert over.wait(20)
        wait_until(lambda: not connection.usable, "the kernel has heard of it")
        second = Batch([envelope()])
        await connection.carry(second.next_mail)
        assert second.begun == 0
        # And what the loop then hears of it breaks nothing.
        await asyncio.sleep(0)
        assert not connection.usable
        await connection.quit()

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        assert idle.wait(20)
        end(peer)
        over.set()

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
    expected = "relay main: STARTTLS: the server does not offer STARTTLS; if it speaks TLS at once"
    assert (fault.stage, fault.answer) == ("STARTTLS", None)
    assert fault.reason.startswith(expected)


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
    assert fault.stage == "AUTH"
    assert fault.reason.startswith("relay main: AUTH: the server offers no AUTH at all; with a password we")


def test_fault_65_a_password_is_never_said_without_tls() -> None:
    def server(peer: Peer) -> None:
        peer.greet("AUTH PLAIN")
        peer.hear_the_end()
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, username="me", password=Secret(PASSWORD)))
    assert fault.stage == "AUTH"


def with_password(port: int, authority: Authority, mode: TlsMode) -> Relay:
    return relay_at(port, tls=mode, ca_file=authority.ca_file, username="me", password=Secret(PASSWORD))
