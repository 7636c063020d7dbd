"""One connection, over real sockets and real TLS, to a server that follows a script."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from outbox.delivery.connection import Connection, connect
from outbox.delivery.relay import Relay, Secret, Timeouts, TlsMode
from outbox.delivery.wire import Wire
from outbox.mail.verdict import Answer, Rejected, RelayFault, Sent, Untouched
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, scripted
from tests.support.sending import BODY, LARGE, deliver, envelope, fault_of, kinds, relay_at, yes
from tests.support.tls import Authority
from tests.support.waiting import free_port

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
    assert not outcome.outstanding_dot


def test_the_last_moment_check_runs_when_the_body_has_left() -> None:
    seen: list[int] = []

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        seen.append(len(peer.heard))
        peer.take_quit()

    async def run(relay: Relay) -> None:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)

        def may_dot() -> None:
            assert connection.wire.empty
            assert not connection.outstanding_dot
            seen.append(0)

        await connection.send(envelope(body=LARGE), may_dot)
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


def test_verdicts_stand_when_the_reset_is_refused() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say("250 ok", "550 5.1.1 nobody", "503 5.5.1 bad")
        peer.hear("RSET")
        peer.say("500 what?")
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["Rejected"]
    assert not outcome.usable


def test_what_cannot_reach_the_wire_is_rejected_and_the_rest_goes() -> None:
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


@pytest.mark.parametrize("hang", ["greeting", "EHLO", "MAIL FROM", "RCPT TO", "DATA", "RSET"])
def test_a_hang_ends_the_connection_at_every_stage(hang: str) -> None:
    def server(peer: Peer) -> None:
        steps = [
            ("greeting", "", "220 hi"),
            ("EHLO", "EHLO", "250 hi"),
            ("MAIL FROM", "MAIL", "250 ok"),
            ("RCPT TO", "RCPT", "550 5.1.1 nobody" if hang == "RSET" else "250 ok"),
            ("RSET", "RSET", "") if hang == "RSET" else ("DATA", "DATA", ""),
        ]
        for stage, verb, answer in steps:
            if verb:
                peer.hear(verb)
            if stage == hang:
                break
            peer.say(answer)
        peer.hear_the_end()

    timeouts = Timeouts(command=0.1, data=0.1, reset=0.1)
    with scripted(server) as listening:
        relay = relay_at(listening.port, timeouts=timeouts)
        if hang in ("greeting", "EHLO"):
            told = fault_of(relay)
            assert f"relay main: {hang}: no answer within 0.1 seconds" == told.reason
            return
        outcome = deliver(relay, envelope())
    expected = {"MAIL FROM": "RelayFault", "RCPT TO": "Deferred", "DATA": "Deferred", "RSET": "Rejected"}
    assert [expected[hang]] == kinds(outcome.verdicts[0])
    assert not outcome.usable


def test_a_body_that_nobody_reads_times_out() -> None:
    async def run(relay: Relay) -> list[str]:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)
        verdicts = await connection.send(envelope(body=LARGE), yes)
        return kinds(verdicts)

    done: list[str] = []

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.wait_until(lambda: bool(done))

    with scripted(server) as relay:
        done += asyncio.run(run(relay_at(relay.port, timeouts=Timeouts(block=0.1))))
    assert done == ["Deferred"]


def test_quit_does_not_wait_for_a_relay_that_hangs() -> None:
    def server(peer: Peer) -> None:
        peer.greet()
        peer.hear("QUIT")
        peer.hear_the_end()

    with scripted(server) as relay:
        deliver(relay_at(relay.port, timeouts=Timeouts(quit=0.05)))


def test_abort_gives_the_mail_that_waits_its_verdict() -> None:
    async def run(relay: Relay) -> list[str]:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)
        checked = asyncio.Event()
        sending = asyncio.ensure_future(connection.send(envelope(), checked.set))
        await checked.wait()
        connection.abort()
        return kinds(await sending)

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_the_end()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == ["InDoubt"]


def test_a_connection_that_is_in_use_takes_no_second_mail() -> None:
    async def run(relay: Relay) -> list[list[str]]:
        connection = await connect(relay, None)
        assert isinstance(connection, Connection)
        both = await asyncio.gather(connection.send(envelope(), yes), connection.send(envelope(), yes))
        await connection.quit()
        return [kinds(verdicts) for verdicts in both]

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == [["Sent"], ["Untouched"]]


def test_a_port_where_nobody_listens_is_named() -> None:
    port = free_port()
    fault = fault_of(relay_at(port))
    problem = f"nothing answers at 127.0.0.1:{port}: connection refused"
    assert RelayFault("connect", f"relay main: connect: {problem}", None) == fault


@pytest.mark.parametrize("host", ["", "no.such.host.invalid", "a" * 70 + ".example", "bad name\0"])
def test_a_host_that_cannot_be_found_is_a_fault_of_the_relay(host: str) -> None:
    fault = fault_of(relay_at(free_port(), host=host))
    assert fault.stage == "connect"


def test_a_relay_that_does_not_speak_tls_is_named() -> None:
    def server(peer: Peer) -> None:
        peer.say("220 plain")
        peer.hear_the_end()

    with scripted(server) as relay:
        fault = fault_of(relay_at(relay.port, tls=TlsMode.IMPLICIT))
    assert "does not speak TLS here" in fault.reason


def test_a_ca_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.touch()
    for path in (missing, empty):
        fault = fault_of(relay_at(free_port(), tls=TlsMode.IMPLICIT, ca_file=path))
        assert fault.reason.startswith(f"relay main: TLS handshake: the CA file {path} cannot be used: ")


def test_our_own_ehlo_name_is_checked_before_anything_is_said() -> None:
    fault = fault_of(relay_at(free_port(), hello="me\r\nMAIL FROM:<>"))
    assert "the EHLO name must be a domain" in fault.reason


@pytest.mark.parametrize("stage", [Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA])
def test_a_fresh_connection_that_is_cut_blames_the_relay_first_and_then_defers(stage: Stage) -> None:
    said = {Stage.MAIL_FROM: [], Stage.RCPT_TO: ["250 ok"], Stage.DATA: ["250 ok", "250 ok"]}[stage]

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear_envelope()
        peer.say(*said)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    (verdict,) = outcome.verdicts[0]
    assert not isinstance(verdict, Sent | Untouched | Rejected)
    assert stage.value == verdict.stage
    assert isinstance(verdict, RelayFault) == (stage is Stage.MAIL_FROM)


def test_a_key_log_left_in_the_environment_stays_empty_of_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    authority = Authority(tmp_path)

    def server(peer: Peer) -> None:
        peer.start_tls(authority.server_context())
        peer.greet()
        peer.take_quit()

    with scripted(server) as listening:
        deliver(relay_at(listening.port, tls=TlsMode.IMPLICIT, ca_file=authority.ca_file))
    assert not log.exists() or b"SECRET" not in log.read_bytes()
