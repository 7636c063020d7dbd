"""One connection, over real sockets and real TLS, to a server that follows a script."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.mail import Mail
from outbox.delivery.relay import Relay, Secret, TlsMode
from outbox.delivery.wire import Wire
from outbox.mail.verdict import Answer, Rejected, Sent, Untouched
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, LARGE, Batch, deliver, envelope, kinds, relay_at
from tests.support.tls import Authority

SENT = Sent(Answer(250, "2.0.0", "Ok: queued as 4X"), "4X")


def secure(peer: Peer, authority: Authority, mode: TlsMode) -> None:
    """Do the server's part up to EHLO, by `mode`."""
    if mode is TlsMode.IMPLICIT:
        peer.start_tls(authority.server_context())
    if mode is TlsMode.STARTTLS:
        peer.greet("STARTTLS")
        peer.hear("STARTTLS")
        peer.say("220 go")
        peer.start_tls(authority.server_context())
        peer.answer_ehlo("PIPELINING", "AUTH LOGIN PLAIN")
    else:
        peer.greet("PIPELINING", "AUTH LOGIN PLAIN")


@pytest.mark.parametrize("mode", TlsMode)
def test_mails_go_over_one_connection_in_every_tls_mode(mode: TlsMode, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        secure(peer, authority, mode)
        assert peer.hear("AUTH PLAIN") == "AUTH PLAIN AG1lAHNlc2FtZQ=="
        peer.say("235 2.7.0 welcome")
        for _ in range(3):
            assert peer.take_mail() == BODY
        peer.take_quit()

    with scripted(server) as listening:
        relay = relay_at(listening.port, tls=mode, ca_file=authority.ca_file, hello="me.example")
        relay = replace(relay, username="me", password=Secret("sesame"), allow_plaintext_auth=True)
        outcome = deliver(relay, envelope(), envelope(), envelope())
    assert outcome.verdicts == [[SENT]] * 3
    assert outcome.usable
    assert outcome.sent == 3


@pytest.mark.parametrize("mode", TlsMode)
def test_a_large_mail_arrives_byte_by_byte_and_its_dot_comes_last(mode: TlsMode, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    heard: list[bytes] = []

    def server(peer: Peer) -> None:
        secure(peer, authority, mode)
        heard.append(peer.take_mail())
        peer.take_quit()

    with scripted(server) as listening:
        relay = relay_at(listening.port, tls=mode, ca_file=authority.ca_file)
        outcome = deliver(relay, envelope(body=LARGE))
    assert outcome.verdicts == [[SENT]]
    assert hashlib.sha256(LARGE).digest() == hashlib.sha256(heard[0]).digest()


def test_a_relay_without_pipelining_is_asked_step_by_step() -> None:
    def server(peer: Peer) -> None:
        peer.greet()
        for _ in range(2):
            for verb, answer in [
                ("MAIL", "250 ok"),
                ("RCPT", "250 ok"),
                ("RCPT", "250 ok"),
                ("DATA", "354 go"),
            ]:
                peer.hear(verb)
                assert not peer.unheard
                peer.say(answer)
            assert peer.hear_message() == BODY
            peer.say("250 2.0.0 Ok: queued as 4X")
        peer.take_quit()

    two = envelope("one@example.com", "two@example.com")
    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), two, two)
    assert outcome.verdicts == [[SENT, SENT]] * 2


def test_a_relay_that_knows_no_ehlo_is_greeted_with_helo() -> None:
    def server(peer: Peer) -> None:
        peer.say("220 old")
        peer.hear("EHLO")
        peer.say("502 what?")
        peer.hear("HELO")
        peer.say("250 old")
        peer.hear("MAIL")
        peer.say("250 ok")
        peer.hear("RCPT")
        peer.say("250 ok")
        peer.hear("DATA")
        peer.say("354 go")
        peer.hear_message()
        peer.say("250 2.0.0 Ok: queued as 4X")
        peer.take_quit()

    with scripted(server) as relay:
        assert deliver(relay_at(relay.port), envelope()).verdicts == [[SENT]]


def test_leading_dots_are_stuffed_and_the_last_line_is_ended() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        assert peer.take_mail() == b"..a\r\n..\r\nb..\r\n"
        assert peer.take_mail() == b""
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(body=b".a\r\n.\r\nb.."), envelope(body=b""))
    assert outcome.verdicts == [[SENT], [SENT]]


@pytest.mark.parametrize(
    ("body", "last_write"), [(BODY, BODY + b".\r\n"), (LARGE, b".\r\n")], ids=["small", "large"]
)
def test_the_dot_of_a_large_mail_is_a_write_of_its_own(
    body: bytes, last_write: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    write = Wire.write

    def recorded(wire: Wire, data: bytes | memoryview) -> None:
        writes.append(bytes(data))
        assert wire.empty
        write(wire, data)

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    monkeypatch.setattr(Wire, "write", recorded)
    with scripted(server) as relay:
        deliver(relay_at(relay.port), envelope(body=body))
    assert [last_write, b"QUIT\r\n"] == writes[-2:]


@pytest.mark.parametrize("body", [BODY, LARGE], ids=["small", "large"])
def test_the_last_moment_check_keeps_the_dot_back(body: bytes) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope(2)
        peer.say("250 ok", "550 5.1.1 nobody", "250 ok", "354 go")
        peer.hear_the_end()
        assert not peer.heard.endswith(b"\r\n.\r\n")

    two = envelope("one@example.com", "two@example.com", body=body)
    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), two, may_dot=lambda: "the session was lost")
    refused, untouched = outcome.verdicts[0]
    assert isinstance(refused, Rejected)
    assert Untouched("the session was lost") == untouched
    assert not outcome.usable


def test_the_last_moment_check_runs_when_the_body_has_left() -> None:
    seen: list[int] = []

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        seen.append(len(peer.heard))
        peer.take_quit()

    async def run(relay: Relay) -> None:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)

        def may_dot() -> None:
            assert connection.wire.empty
            seen.append(0)

        await connection.carry(Batch([envelope(body=LARGE)], may_dot).next_mail)
        await connection.quit()

    with scripted(server) as relay:
        asyncio.run(run(relay_at(relay.port)))
    assert seen[0] == 0
    assert len(seen) == 2


def test_a_broken_last_moment_check_keeps_the_dot_back() -> None:
    def broken() -> str | None:
        raise RuntimeError("no clock")

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_the_end()
        assert not peer.heard.endswith(b".\r\n")

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), may_dot=broken)
    reason = "the last-moment check failed: RuntimeError('no clock')"
    assert [[Untouched(reason)]] == outcome.verdicts


@pytest.mark.parametrize(
    "answers",
    [
        ["553 5.1.8 no such sender", "503 5.5.1 bad", "503 5.5.1 bad"],
        ["250 ok", "550 5.1.1 nobody", "503 5.5.1 bad"],
        ["250 ok", "250 ok", "554 5.5.1 no"],
    ],
)
def test_a_transaction_that_ends_without_a_dot_is_reset_and_the_connection_goes_on(
    answers: list[str],
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(*answers)
        peer.hear("RSET")
        peer.say("250 ok")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Rejected"], ["Sent"]]
    assert outcome.sent == 2


def test_a_refusal_is_not_final_when_the_reset_is_refused() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", "550 5.1.1 nobody", "503 5.5.1 bad")
        peer.hear("RSET")
        peer.say("500 what?")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    # The refusal may belong to somebody before: an answer too many shows only now.
    assert kinds(outcome.verdicts[0]) == ["Deferred"]
    assert not outcome.usable


def test_fault_71_what_cannot_reach_the_wire_is_rejected_and_the_rest_goes() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()
        assert b"evil" not in peer.heard

    evil = "evil@example.com>\r\nRCPT TO:<evil@example.com"
    with scripted(server) as relay:
        outcome = deliver(
            relay_at(relay.port),
            envelope(evil, "b@example.com"),
            envelope(evil),
            envelope(sender=evil),
            envelope(body=b"a\n.\r\nMAIL FROM:<evil@example.com>\r\n"),
        )
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [
        ["Rejected", "Sent"],
        ["Rejected"],
        ["Rejected"],
        ["Rejected"],
    ]
    assert outcome.usable


@pytest.mark.parametrize("verdict", ["Sent", "InDoubt"])
def test_dots_and_verdicts_are_written_down_at_once(verdict: str) -> None:
    told: list[str] = []
    written: list[str] = []

    def server(peer: Peer) -> None:
        peer.greet()
        for verb in ("MAIL", "RCPT", "DATA"):
            peer.hear(verb)
            peer.say("354 go ahead" if verb == "DATA" else "250 ok")
        peer.hear_message()
        assert written == ["dot"]
        if verdict == "Sent":
            peer.say("250 2.0.0 Ok: queued as 4X")
            peer.hear_the_end()

    async def run(relay: Relay) -> list[str]:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        mails = [Mail(envelope(), lambda: told.append("dot"), lambda verdicts: told.extend(kinds(verdicts)))]

        def write_down() -> None:
            written.extend(told)
            told.clear()

        await connection.carry(lambda: mails.pop() if mails else None, write_down)
        known = list(written)
        connection.abort()
        return known

    with scripted(server) as listening:
        assert asyncio.run(run(relay_at(listening.port))) == ["dot", verdict]


def test_what_is_told_without_a_word_from_the_relay_is_written_down_too() -> None:
    told: list[str] = []

    async def run(relay: Relay) -> None:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        written: list[str] = []
        mails = [
            Mail(envelope("b\r\n@example.com"), lambda: None, lambda verdicts: told.extend(kinds(verdicts)))
        ]
        await connection.carry(lambda: mails.pop() if mails else None, lambda: written.extend(told))
        assert set(written) == {"Rejected"}
        await connection.quit()

    def server(peer: Peer) -> None:
        peer.greet()
        peer.take_quit()

    with scripted(server) as listening:
        asyncio.run(run(relay_at(listening.port)))
    assert told == ["Rejected"]
