"""Every way in which a connection ends, or never begins, over real sockets."""

import asyncio
from pathlib import Path

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Relay, Timeouts, TlsMode
from outbox.mail.verdict import Rejected, RelayFault, Sent, Untouched
from outbox.smtp.stage import Stage
from tests.support.scripted import Peer, scripted
from tests.support.sending import LARGE, Batch, deliver, envelope, fault_of, kinds, relay_at
from tests.support.tls import Authority
from tests.support.waiting import free_port


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
            assert told.reason.startswith(f"relay main: {hang}: no answer within 0.1 seconds")
            return
        outcome = deliver(relay, envelope())
    expected = {"MAIL FROM": "RelayFault", "RCPT TO": "Deferred", "DATA": "Deferred", "RSET": "Rejected"}
    assert [expected[hang]] == kinds(outcome.verdicts[0])
    assert not outcome.usable


def test_a_body_that_nobody_reads_times_out() -> None:
    async def run(relay: Relay) -> list[str]:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        batch = Batch([envelope(body=LARGE)])
        await connection.carry(batch.next_mail)
        return kinds(batch.verdicts[0])

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
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        checked = asyncio.Event()
        batch = Batch([envelope()], checked.set)
        sending = asyncio.ensure_future(connection.carry(batch.next_mail))
        await checked.wait()
        connection.abort()
        await sending
        return kinds(batch.verdicts[0])

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_the_end()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == ["InDoubt"]


def test_a_connection_that_is_in_use_takes_no_second_mail() -> None:
    async def run(relay: Relay) -> list[list[str]]:
        connection = await Dialler(relay).connect()
        assert isinstance(connection, Connection)
        both = [Batch([envelope()]), Batch([envelope()])]
        await asyncio.gather(*(connection.carry(batch.next_mail) for batch in both))
        await connection.quit()
        return [kinds(batch.verdicts[0]) for batch in both]

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as relay:
        assert asyncio.run(run(relay_at(relay.port))) == [["Sent"], []]


def test_a_port_where_nobody_listens_is_named() -> None:
    port = free_port()
    fault = fault_of(relay_at(port))
    problem = f"127.0.0.1:{port} refuses connections: is the server running, and smtp_port right?"
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


def test_fault_71_our_own_ehlo_name_is_checked_before_anything_is_said() -> None:
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
