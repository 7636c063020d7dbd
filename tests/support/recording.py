"""A server that keeps every envelope and every message exactly as they came over the wire."""

import re
from dataclasses import dataclass

from tests.support.scripted import Peer, Script

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000", "ENHANCEDSTATUSCODES")
_address_of = re.compile(r"(?:MAIL FROM|RCPT TO):<(.*)>(?: [^>]*)?", re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail: the addresses between their brackets, in order, and the message, its dots still stuffed."""

    sender: str
    recipients: tuple[str, ...]
    wire: bytes


def recording(taken: list[Taken]) -> Script:
    """Return a script that takes every mail of one connection into `taken`, until QUIT."""

    def serve(peer: Peer) -> None:
        peer.greet(*EXTENSIONS)
        answers: list[str] = []
        addresses: list[str] = []
        line = ""
        while line.upper() != "QUIT":
            line = peer.hear("")
            answers.append(_answer(line, addresses))
            # Commands that came together are answered together (RFC 2920 §3.2).
            if b"\r\n" not in peer.unheard or line.upper() == "DATA":
                peer.say(*answers)
                answers.clear()
            if line.upper() == "DATA":
                sender, *recipients = addresses
                taken.append(Taken(sender, tuple(recipients), peer.hear_message()))
                addresses.clear()
                answers.append("250 2.0.0 Ok: queued")
                if b"\r\n" not in peer.unheard:
                    peer.say(*answers)
                    answers.clear()

    return serve


def _answer(line: str, addresses: list[str]) -> str:
    """Return the answer to a command, and note the address that it has."""
    if address := _address_of(line):
        addresses.append(address[1])
        return "250 2.0.0 Ok"
    return {"DATA": "354 go", "QUIT": "221 2.0.0 bye"}.get(line.upper(), "250 2.0.0 Ok")
