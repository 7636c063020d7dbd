"""The faults of time: slow answers, slow readers, and replies that fill both sides' buffers."""

import asyncio
import socket
import time
from contextlib import suppress

import pytest

from outbox.delivery.connection import Connection
from outbox.delivery.dialler import Dialler
from outbox.delivery.relay import Timeouts
from outbox.delivery.wire import Wire
from outbox.mail.verdict import Deferred, RelayFault
from tests.support.scripted import Peer, scripted
from tests.support.sending import LARGE, deliver, envelope, fault_of, kinds, relay_at

SHORT = Timeouts(connect=5, command=0.5, data=0.5, block=0.5, dot=0.5, quit=0.5)
TICK = 0.05
MOST_TICKS = 100
"""Ticks after which a deadline that is put off by each byte would still not have come."""


def pass_time(peer: Peer, seconds: float) -> None:
    """Return after so many seconds."""
    began = time.monotonic()
    peer.wait_until(lambda: time.monotonic() - began >= seconds)


def drip(peer: Peer) -> None:
    """Say a reply byte by byte until the client has left."""
    with suppress(OSError):
        for byte in (b"250-" + b"x" * MOST_TICKS)[:MOST_TICKS]:
            peer.say(bytes([byte]))
            pass_time(peer, TICK)
        raise AssertionError("every byte put the deadline off")


def test_fault_45_an_answer_to_the_dot_may_take_longer_than_any_other() -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.hear_envelope()  # also with an envelope behind the dot, whose own time has not begun
        pass_time(peer, 2 * SHORT.command)
        peer.say("250 taken", "250 ok", "250 ok", "354 go")
        peer.hear_message()
        peer.say("250 taken")
        peer.take_quit()

    patient = Timeouts(command=0.5, data=0.5, block=0.5, dot=20)
    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=patient), envelope(), envelope())
    assert [kinds(verdicts) for verdicts in outcome.verdicts] == [["Sent"], ["Sent"]]


def test_fault_69_a_reply_that_drips_puts_no_deadline_off_before_the_mail() -> None:
    with scripted(drip) as relay:
        fault = fault_of(relay_at(relay.port, timeouts=SHORT))
    assert fault.reason.startswith("relay main: greeting: no answer within 0.5 seconds")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], "RelayFault"),
        (["250 ok"], "Deferred"),
        (["250 ok", "250 ok"], "Deferred"),
        (["250 ok", "250 ok", "354 go"], "InDoubt"),
    ],
)
def test_fault_69_a_reply_that_drips_puts_no_deadline_off_in_the_mail(
    answers: list[str], expected: str
) -> None:
    def server(peer: Peer) -> None:
        peer.greet()
        for answer in answers:
            peer.hear("")
            peer.say(answer)
        if len(answers) == 3:
            peer.hear_message()
        drip(peer)

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=SHORT), envelope())
    assert kinds(outcome.verdicts[0]) == [expected]


def test_fault_69_a_reader_of_a_byte_a_tick_does_not_keep_the_body_going() -> None:
    """Each block of 64 KB has its time, by default 180 seconds: 364 bytes a second at the least."""

    left: list[bool] = []

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        for _ in range(MOST_TICKS):
            if left:
                return
            peer.sip()
            pass_time(peer, TICK)
        raise AssertionError("every byte put the deadline off")

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port, timeouts=SHORT), envelope(body=LARGE))
        left.append(True)
    (verdict,) = outcome.verdicts[0]
    assert verdict == Deferred("message body", "message body: no answer within 0.5 seconds", None)
    assert not outcome.usable


def test_fault_62_long_replies_to_thousands_of_recipients_block_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A relay that answers each command before it reads the next, through small buffers on both sides."""
    buffer = 16 * 1024  # with less the kernel loses its way, too
    recipients = tuple(f"{'r' * 40}{n}@example.com" for n in range(5000))
    waiting: list[int] = []
    connection_made, write = Wire.connection_made, Wire.write

    def narrowed(wire: Wire, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        connection_made(wire, transport)

    def recorded(wire: Wire, data: bytes | memoryview) -> None:
        write(wire, data)
        assert wire._transport is not None
        waiting.append(wire._transport.get_write_buffer_size())

    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.hear("MAIL")
        peer.say("250 ok")
        for _ in recipients:
            peer.hear("RCPT")
            peer.say("250 " + "x" * 1000)
        peer.hear("DATA")
        peer.say("354 go")
        peer.hear_message()
        peer.say("250 taken")
        peer.take_quit()

    monkeypatch.setattr(Wire, "connection_made", narrowed)
    monkeypatch.setattr(Wire, "write", recorded)
    with scripted(server, buffer=buffer) as relay:
        outcome = deliver(relay_at(relay.port), envelope(*recipients))
    assert kinds(outcome.verdicts[0]) == ["Sent"] * 5000
    assert max(waiting) <= 64 * 1024


def test_a_relay_that_is_silent_is_told_of_long_before_our_patience_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("outbox.delivery.watch._NOTICE", 0.05)
    told: list[str | None] = []

    def server(peer: Peer) -> None:
        peer.wait_until(lambda: bool(told))
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(server) as listening:
        outcome = deliver(Dialler(relay_at(listening.port), slow=told.append), envelope())
    assert kinds(outcome.verdicts[0]) == ["Sent"]
    words, over = told
    assert words is not None
    assert "greeting: no answer for 0.05 seconds, still waiting" in words
    assert over is None


@pytest.mark.parametrize("greets", [False, True])
def test_a_relay_that_hangs_counts_as_down_while_its_answer_is_still_waited_for(*, greets: bool) -> None:
    told: list[RelayFault] = []

    def server(peer: Peer) -> None:
        if greets:
            peer.say("220 mx ESMTP")
            peer.hear("EHLO")
        peer.wait_until(lambda: bool(told))
        peer.say("421 4.3.2 not now")

    async def connect() -> Connection | RelayFault:
        return await Dialler(relay_at(listening.port, timeouts=Timeouts(handshake=0.05))).connect(told.append)

    with scripted(server) as listening:
        ended = asyncio.run(connect())
    (hangs,) = told
    stage = "EHLO" if greets else "greeting"
    assert (hangs.stage, hangs.waited, hangs.answer) == (stage, 0.05, None)
    assert f"relay main: {stage}: no answer for 0.05 seconds, still waiting" in hangs.reason
    assert isinstance(ended, RelayFault)
    assert (ended.waited, "421 4.3.2 not now" in ended.reason) == (0.0, True)
