"""TLS with real certificates: whom we believe, and how we prove ourselves."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.tls import CaFileError, ClientCertificateError, TlsChannel, client_context
from tests.support.scripted import Peer, scripted
from tests.support.sending import deliver, envelope, fault_of, kinds, relay_at
from tests.support.tls import Authority

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def shake_hands(channel: TlsChannel, server: ssl.SSLContext) -> None:
    """Do both sides of a handshake in memory; raise what ours finds."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(incoming, outgoing, server_side=True)
    while not channel.handshake():
        incoming.write(channel.take())
        with pytest.raises(ssl.SSLWantReadError):
            theirs.do_handshake()
        channel.feed(outgoing.read())


@pytest.mark.parametrize("held", ["mail.example.org", "*.example.org"])
@pytest.mark.parametrize("name", ["mail.example.org", "mail.example.org."])
def test_a_final_dot_of_a_name_is_not_the_certificates(name: str, held: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = client_context(relay_at(465, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file))
    shake_hands(TlsChannel(context, name), authority.server_context(held))


@pytest.mark.parametrize("name", ["127.0.0.1", "::1"])
def test_an_address_is_proven_as_an_address(name: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = client_context(relay_at(465, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file))
    shake_hands(TlsChannel(context, name), authority.server_context(name))


@pytest.mark.parametrize(
    "context_of",
    [
        lambda authority: authority.stranger().server_context("other.example"),
        lambda authority: authority.self_signed_context(),
        lambda authority: authority.server_context(expired=True),
    ],
)
def test_opportunistic_tls_verifies_nobody(
    context_of: Callable[[Authority], ssl.SSLContext], tmp_path: Path
) -> None:
    context = client_context(relay_at(25, tls=TlsMode.OPPORTUNISTIC))
    shake_hands(TlsChannel(context, "mail.example"), context_of(Authority(tmp_path)))


@pytest.mark.parametrize("mode", [TlsMode.STARTTLS, TlsMode.IMPLICIT, TlsMode.OPPORTUNISTIC])
def test_every_context_is_strict_in_all_but_whom_it_believes(
    mode: TlsMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = client_context(relay_at(25, tls=mode))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.keylog_filename is None
    believes_all = mode is TlsMode.OPPORTUNISTIC
    assert (context.verify_mode == ssl.CERT_NONE, not context.check_hostname) == (believes_all, believes_all)


def with_certificate(relay: Relay, authority: Authority, *, expired: bool = False) -> Relay:
    cert, key = authority.client_certificate(expired=expired)
    return replace(relay, client_cert=cert, client_key=key)


@pytest.mark.parametrize("mode", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_relay_that_demands_our_certificate_gets_it(
    version: ssl.TLSVersion, mode: TlsMode, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        begin_tls(peer, authority.demanding_context(version), mode)
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        plain = relay_at(relay.port, tls=mode, ca_file=authority.ca_file)
        outcome = deliver(with_certificate(plain, authority), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"]]


NONE_GIVEN = "the server demands a client certificate: give it one (smtp_client_cert)"
REFUSED = (
    "the server refuses the handshake: it may demand a client certificate (smtp_client_cert), "
    "or share no cipher with us"
)


@pytest.mark.parametrize("mode", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize(("version", "cause"), [(VERSIONS[0], REFUSED), (VERSIONS[1], NONE_GIVEN)])
def test_a_relay_that_demands_a_certificate_that_we_have_not_says_so(
    version: ssl.TLSVersion, cause: str, mode: TlsMode, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
            begin_tls(peer, authority.demanding_context(version), mode)

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, tls=mode, ca_file=authority.ca_file))
    assert f"relay main: {fault.stage}: {cause}" == fault.reason


@pytest.mark.parametrize("mode", [TlsMode.IMPLICIT, TlsMode.STARTTLS])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("expired", "words"), [(True, "certificate expired"), (False, "unknown ca")])
def test_a_relay_that_does_not_accept_our_certificate_says_why(
    version: ssl.TLSVersion, mode: TlsMode, words: str, tmp_path: Path, *, expired: bool
) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        with pytest.raises(ssl.SSLError, match="verify failed"):
            begin_tls(peer, authority.demanding_context(version), mode)

    with scripted(server) as relay:
        plain = relay_at(relay.port, tls=mode, ca_file=authority.ca_file)
        ours = with_certificate(plain, authority if expired else authority.stranger(), expired=expired)
        fault = fault_of(ours)
    cause = f"the server does not accept our client certificate {ours.client_cert}: {words}"
    assert f"relay main: {fault.stage}: {cause}" == fault.reason


def begin_tls(peer: Peer, context: ssl.SSLContext, mode: TlsMode) -> None:
    if mode is TlsMode.STARTTLS:
        peer.greet("STARTTLS")
        peer.hear("STARTTLS")
        peer.say("220 go")
        peer.start_tls(context)
        peer.answer_ehlo("PIPELINING")
    else:
        peer.start_tls(context)
        peer.greet("PIPELINING")


def test_certificate_and_key_may_stand_in_one_file(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).client_certificate()
    cert.write_bytes(key.read_bytes() + cert.read_bytes())
    client_context(relay_at(465, client_cert=cert))


def test_a_key_under_a_passphrase_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).client_certificate()
    locked = serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    key.write_bytes(locked)
    with pytest.raises(ClientCertificateError) as raised:
        client_context(relay_at(465, client_cert=cert, client_key=key))
    remedy = f"take it off with `openssl pkey -in {key} -out NEW_FILE`"
    assert str(raised.value) == f"the key in {key} is under a passphrase: {remedy}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("none", "both as PEM: one of the two is missing or damaged"),
        ("another", "both as PEM: the key is another certificate's"),
    ],
)
def test_a_key_that_cannot_be_used_names_both_files(content: str, words: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.client_certificate()
    if content == "missing":
        key.unlink()
    elif content == "none":
        key.write_bytes(b"")
    else:
        key.write_bytes(authority.stranger().client_certificate()[1].read_bytes())
    with pytest.raises(ClientCertificateError) as raised:
        client_context(relay_at(465, client_cert=cert, client_key=key))
    assert str(cert) in str(raised.value)
    assert str(key) in str(raised.value)
    assert str(raised.value).endswith(words)


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    with pytest.raises(CaFileError, match=r"the CA file .*/ca\.pem cannot be used: "):
        client_context(relay_at(465, ca_file=missing))
