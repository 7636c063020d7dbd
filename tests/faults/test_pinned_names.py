"""The name that a relay must prove is the one that it was given, which need not be its address."""

from pathlib import Path

import pytest

from outbox.delivery.relay import TlsMode
from tests.support.scripted import Peer, scripted
from tests.support.sending import deliver, envelope, fault_of, kinds, relay_at
from tests.support.tls import Authority


@pytest.mark.parametrize("name", ["mail.example.org", "mail.example.org."])
def test_fault_65_a_relay_that_holds_the_pinned_name_is_believed(name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        peer.start_tls(authority.server_context("mail.example.org"))
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        told = relay_at(relay.port, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file, tls_name=name)
        outcome = deliver(told, envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"]]


def test_fault_65_a_relay_that_holds_its_address_but_not_the_pinned_name_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        with pytest.raises(OSError, match="alert"):
            peer.start_tls(authority.server_context("127.0.0.1"))

    with scripted(server) as relay:
        told = relay_at(
            relay.port, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file, tls_name="mail.example.org"
        )
        fault = fault_of(told)
    cause = "certificate of 127.0.0.1 is for another name than mail.example.org: it holds 127.0.0.1; "
    assert fault.reason.startswith(f"relay main: TLS handshake: {cause}")
