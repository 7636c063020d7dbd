"""Opportunistic TLS hides mail from listeners; it proves nobody, so it guards no password."""

from pathlib import Path

import pytest

from outbox.delivery.relay import Relay, Secret, TlsMode
from tests.support.scripted import Peer, scripted
from tests.support.sending import deliver, envelope, fault_of, kinds, relay_at
from tests.support.tls import Authority


def opportunistic(port: int, *, allowed: bool = False) -> Relay:
    return relay_at(
        port,
        tls=TlsMode.OPPORTUNISTIC,
        username="me",
        password=Secret("sesame-sesame"),
        allow_plaintext_auth=allowed,
    )


def begin(peer: Peer, authority: Authority, *, offered: bool) -> None:
    """Come to where AUTH is next: inside the TLS of a stranger, or in the clear."""
    if not offered:
        peer.greet("AUTH PLAIN", "PIPELINING")
        return
    peer.greet("STARTTLS", "AUTH PLAIN", "PIPELINING")
    peer.hear("STARTTLS")
    peer.say("220 go")
    peer.start_tls(authority.self_signed_context())
    peer.answer_ehlo("AUTH PLAIN", "PIPELINING")


@pytest.mark.parametrize("offered", [True, False])
def test_fault_65_opportunistic_tls_says_no_password(tmp_path: Path, *, offered: bool) -> None:
    def server(peer: Peer) -> None:
        begin(peer, Authority(tmp_path), offered=offered)
        peer.hear_the_end()
        assert b"AUTH" not in peer.heard

    with scripted(server) as relay:
        fault = fault_of(opportunistic(relay.port))
    assert fault.stage == "AUTH"


@pytest.mark.parametrize("offered", [True, False])
def test_fault_65_opportunistic_tls_says_a_password_only_where_it_may_cross_in_the_clear(
    tmp_path: Path, *, offered: bool
) -> None:
    def server(peer: Peer) -> None:
        begin(peer, Authority(tmp_path), offered=offered)
        peer.hear("AUTH PLAIN")
        peer.say("235 2.7.0 welcome")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(opportunistic(relay.port, allowed=True), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"]]


@pytest.mark.parametrize("offered", [True, False])
def test_opportunistic_tls_sends_mail_to_whoever_answers(tmp_path: Path, *, offered: bool) -> None:
    def server(peer: Peer) -> None:
        begin(peer, Authority(tmp_path), offered=offered)
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, tls=TlsMode.OPPORTUNISTIC), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"]]
