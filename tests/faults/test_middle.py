"""A man in the middle of the way to the relay hears no password, whatever he does to the conversation."""

import re
import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from outbox.delivery.relay import Relay, Secret, TlsMode
from outbox.smtp.stage import Stage
from tests.support.daemon import RunningDaemon, application
from tests.support.scripted import Peer, scripted
from tests.support.sending import fault_of, relay_at
from tests.support.tls import NOT_YET, Authority
from tests.support.waiting import wait_until

PASSWORD = "open-sesame-7"
SECRETS = [
    b"AUTH",
    PASSWORD.encode(),
    b64encode(PASSWORD.encode()),
    b64encode(f"\0me\0{PASSWORD}".encode()),
]


def told(port: int, authority: Authority, mode: TlsMode) -> Relay:
    return relay_at(port, tls=mode, ca_file=authority.ca_file, username="me", password=Secret(PASSWORD))


def assert_heard_no_secret(peer: Peer) -> None:
    assert [secret for secret in SECRETS if secret in peer.heard.upper() or secret in peer.heard] == []


def go_ahead(peer: Peer) -> None:
    """Offer STARTTLS and agree to it."""
    peer.greet("STARTTLS", "AUTH PLAIN")
    peer.hear("STARTTLS")
    peer.say("220 go")


def strip(peer: Peer) -> None:
    peer.greet("AUTH PLAIN", "PIPELINING")


def disguise(peer: Peer) -> None:
    peer.greet("XSTARTTLS", "STARTTLSX", "X STARTTLS", "AUTH PLAIN")


def put_off(peer: Peer) -> None:
    peer.greet("STARTTLS", "AUTH PLAIN")
    peer.hear("STARTTLS")
    peer.say("454 4.7.0 TLS not available")


def deny(peer: Peer) -> None:
    peer.greet("STARTTLS", "AUTH PLAIN")
    peer.hear("STARTTLS")
    peer.say("502 5.5.1 not implemented")


def inject_beside_the_answer(peer: Peer) -> None:
    peer.greet("STARTTLS", "AUTH PLAIN")
    peer.hear("STARTTLS")
    peer.say("220 go", "250-mail.example", "250 AUTH PLAIN")


def inject_half_a_line_beside_the_answer(peer: Peer) -> None:
    peer.greet("STARTTLS", "AUTH PLAIN")
    peer.hear("STARTTLS")
    peer.say("220 go", b"250-mail.")


def inject_under_the_handshake(peer: Peer) -> None:
    go_ahead(peer)
    peer.hear_at_least(1)
    peer.say("250-mail.example", "250 AUTH PLAIN")


def answer_starttls_in_advance(peer: Peer) -> None:
    peer.say("220 mail.example ESMTP")
    peer.hear("EHLO")
    peer.say("250-mail.example", "250 STARTTLS", "220 go")


def answer_ehlo_in_advance(peer: Peer) -> None:
    peer.say("220 mail.example ESMTP", "250-mail.example", "250 AUTH PLAIN")


def inject_a_lone_line_end(peer: Peer) -> None:
    peer.say("220 mail.example ESMTP")
    peer.hear("EHLO")
    peer.say(b"250-mail.example\n250 AUTH PLAIN\r\n")


NOT_OFFERED = "STARTTLS: the server does not offer STARTTLS"


@pytest.mark.parametrize(
    ("attack", "cause"),
    [
        (strip, NOT_OFFERED),
        (disguise, NOT_OFFERED),
        (put_off, "STARTTLS: 454 4.7.0 TLS not available"),
        (deny, "STARTTLS: 502 5.5.1 not implemented"),
        (inject_beside_the_answer, "TLS handshake: the reply 250 answers nothing"),
        (inject_half_a_line_beside_the_answer, "STARTTLS: bytes in the clear behind the answer to STARTTLS"),
        (inject_under_the_handshake, "TLS handshake: .* does not speak TLS here, although it agreed"),
        (answer_starttls_in_advance, "STARTTLS: the reply 220 answers nothing"),
        (answer_ehlo_in_advance, "EHLO: the reply 250 answers nothing"),
        (inject_a_lone_line_end, NOT_OFFERED),
    ],
)
def test_fault_64_no_trick_around_starttls_gets_a_password(
    attack: Callable[[Peer], None], cause: str, tmp_path: Path
) -> None:
    def server(peer: Peer) -> None:
        attack(peer)
        peer.hear_the_end()
        assert_heard_no_secret(peer)

    with scripted(server) as relay:
        fault = fault_of(told(relay.port, Authority(tmp_path), TlsMode.STARTTLS))
    assert re.match(f"relay main: {cause}", fault.reason), fault.reason


BAD = "certificate of 127.0.0.1"
TOO_OLD = "speaks no TLS 1.2 that is safe: the server must be brought up to date"


@pytest.mark.parametrize("mode", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize(
    ("context_of", "cause"),
    [
        (
            lambda authority: authority.stranger().self_signed_context(),
            f"{BAD} is not trusted: it is self-signed; if the authority",
        ),
        (
            lambda authority: authority.stranger().server_context(),
            f"{BAD} is not trusted: its authority Testing CA",
        ),
        (
            lambda authority: authority.server_context("other.example", "10.0.0.1"),
            f"{BAD} is for another name than 127.0.0.1: it holds other.example, 10.0.0.1; use one of them",
        ),
        (
            lambda authority: authority.server_context(expired=True),
            f"{BAD} expired on 2020-01-01: it must be renewed on the server",
        ),
        (
            lambda authority: authority.server_context(not_before=NOT_YET),
            f"{BAD} is not valid before 2037-06-01 00:00 UTC: look at the clocks of both hosts",
        ),
        (lambda authority: authority.old_context(ssl.TLSVersion.TLSv1), TOO_OLD),
        (lambda authority: authority.old_context(ssl.TLSVersion.TLSv1_1), TOO_OLD),
    ],
)
def test_fault_65_a_server_that_cannot_prove_itself_gets_no_password(
    context_of: Callable[[Authority], ssl.SSLContext], cause: str, mode: TlsMode, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        if mode is TlsMode.STARTTLS:
            go_ahead(peer)
        with pytest.raises(OSError, match=r"(?i)alert|certificate|EOF|reset|protocol"):
            peer.start_tls(context_of(authority))
        assert_heard_no_secret(peer)

    with scripted(server) as relay:
        fault = fault_of(told(relay.port, authority, mode))
    assert fault.stage == Stage.TLS
    assert cause in fault.reason


def test_fault_65_a_daemon_behind_a_false_relay_leaves_its_queue_untouched(
    sqlite_url: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    settings = {
        "smtp_tls": "starttls",
        "smtp_ca_file": authority.ca_file,
        "smtp_username": "me",
        "smtp_password": PASSWORD,
    }

    def server(peer: Peer) -> None:
        go_ahead(peer)
        with pytest.raises(OSError, match="alert"):
            peer.start_tls(authority.server_context("other.example"))
        relay.close_the_door()
        assert_heard_no_secret(peer)

    with (
        application(sqlite_url) as app,
        scripted(server) as relay,
        RunningDaemon(sqlite_url, tmp_path, port=relay.port, **settings) as daemon,
    ):
        app.enqueue(3)
        wait_until(lambda: "is for another name than 127.0.0.1" in daemon.log(), "the daemon told the fault")
        assert PASSWORD not in daemon.log()
        assert daemon.terminate() == 0
        assert app.counts() == {"pending": 3}
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 0
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
