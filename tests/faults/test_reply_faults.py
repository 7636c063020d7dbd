"""The faults of a reply's shape: what servers really say is understood, what is none ends within bounds."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from outbox.mail.verdict import Answer, Sent
from outbox.smtp.reply import MAX_TEXT
from tests.support.scripted import Peer, scripted
from tests.support.sending import deliver, envelope, fault_of, kinds, relay_at

MOST_MEMORY = 8 * 1024 * 1024
"""Bytes: some reads of 256 KB, and nothing that grows with what the relay says."""


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Fail where more than `MOST_MEMORY` was in use at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"250\r\n", Answer(250, None, "")),
        (b"250 \r\n", Answer(250, None, "")),
        (b"250 taken\n", Answer(250, None, "taken")),
        (b"250-2.0.0 one\r\n250 2.0.0 two\r\n", Answer(250, "2.0.0", "one two")),
        (b"250-\r\n250-\r\n250\r\n", Answer(250, None, "")),
        (b"250 a\0b\x1b[31m\r\n", Answer(250, None, "a\\x00b\\x1b[31m")),
        (b"250 gr\xc3\xbc\xdf\r\n", Answer(250, None, "grü\\xdf")),
        (b"250 " + b"x" * 2048 + b"\r\n", Answer(250, None, "x" * MAX_TEXT)),
    ],
)
def test_fault_49_replies_of_unusual_shape_are_understood(reply: bytes, expected: Answer) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        peer.say(reply)
        peer.take_quit()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert outcome.verdicts == [[Sent(expected, None)]]
    assert outcome.usable


@pytest.mark.parametrize(
    "reply",
    [
        b"250-one\r\n251 two\r\n",
        b"250-one\r\n550 two\r\n",
        b"250-one\r\n\r\n250 two\r\n",
        b"25\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b"\xb2\xb5\xb0 ok\r\n",
        b"\xd9\xa2\xd9\xa5\xd9\xa0 ok\r\n",  # the Arabic-Indic digits of 250
        b" 250 ok\r\n",
        b"+50 ok\r\n",
        b"\0\0\0\r\n",
        b"\r\n",
    ],
)
@pytest.mark.parametrize("to_the_dot", [True, False])
def test_fault_49_what_is_no_reply_is_a_doubt_behind_the_dot_and_nothing_but_a_fault_before_it(
    reply: bytes, *, to_the_dot: bool
) -> None:
    def server(peer: Peer) -> None:
        peer.greet()
        peer.hear("MAIL")
        if to_the_dot:
            peer.say("250 ok")
            for verb, answer in [("RCPT", "250 ok"), ("DATA", "354 go")]:
                peer.hear(verb)
                peer.say(answer)
            peer.hear_message()
        peer.say(reply)
        peer.hear_the_end()

    with scripted(server) as relay:
        outcome = deliver(relay_at(relay.port), envelope())
    assert kinds(outcome.verdicts[0]) == ["InDoubt" if to_the_dot else "RelayFault"]
    assert not outcome.usable


@pytest.mark.parametrize("unit", [b"250-more\r\n", b"250-" + b"x" * 1000, b"\0" * 1000, b"\n\n"])
@pytest.mark.parametrize("to_the_dot", [True, False])
def test_fault_49_an_endless_reply_ends_and_is_never_kept(unit: bytes, *, to_the_dot: bool) -> None:
    def server(peer: Peer) -> None:
        if to_the_dot:
            peer.greet("PIPELINING")
            peer.take_envelope()
            peer.hear_message()
        else:
            peer.say("220 hi")
            peer.hear("EHLO")
        with suppress(OSError):  # the client has left
            for _ in range(1000):
                peer.say(unit * (64 * 1024 // len(unit)))
            raise AssertionError("64 MB of one reply were heard")

    with scripted(server) as listening, bounded_memory():
        relay = relay_at(listening.port)
        if to_the_dot:
            assert kinds(deliver(relay, envelope()).verdicts[0]) == ["InDoubt"]
        else:
            assert fault_of(relay).stage == "EHLO"
