"""Conversations that have come to a certain point, to go on from."""

from typing import Any

from outbox.smtp import event
from outbox.smtp.conversation import Conversation, Terms
from outbox.smtp.envelope import Envelope

PIPELINED = b"250-hi\r\n250 PIPELINING\r\n"
PLAIN = b"250 hi\r\n"


def fresh(**terms: Any) -> Conversation:
    """Return a conversation that has heard nothing yet."""
    return Conversation(Terms(hello="me.example", **terms))


def ready(offer: bytes = PIPELINED, **terms: Any) -> Conversation:
    """Return a conversation that is past its handshake."""
    talk = fresh(**terms)
    assert talk.receive(b"220 hi\r\n") == []
    assert talk.take() == (b"LHLO me.example\r\n" if terms.get("lmtp") else b"EHLO me.example\r\n")
    assert [event.Ready()] == talk.receive(offer)
    assert talk.ready
    talk.pipeline(ahead=True, apart=False)
    return talk


def mail(*recipients: str, sender: str = "a@example.com") -> Envelope:
    """Return an envelope."""
    return Envelope(sender, recipients, 100)


def begun(recipients: int = 2) -> Conversation:
    """Return a conversation that has said a pipelined envelope."""
    talk = ready()
    talk.begin(mail(*(f"r{n}@example.com" for n in range(recipients))))
    talk.take()
    return talk


def wanting_a_body() -> Conversation:
    """Return a conversation that was told 354."""
    talk = begun()
    assert [event.BodyWanted()] == talk.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    return talk


def dotted() -> Conversation:
    """Return a conversation that has said the dot."""
    talk = wanting_a_body()
    assert talk.dot() == b".\r\n"
    return talk


def hear(talk: Conversation, pieces: list[bytes]) -> list[event.Event]:
    """Return all that the conversation tells of `pieces`."""
    return [told for piece in pieces for told in talk.receive(piece)]
