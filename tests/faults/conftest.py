"""Who said what, in order: what the engine wrote, and what the scripted server said."""

from typing import Any

import pytest

from outbox.delivery.wire import Wire
from tests.support.scripted import Peer


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the list of all that the engine writes, one item a write."""
    written: list[bytes] = []
    write = Wire.write

    def recorded(wire: Wire, data: bytes | memoryview) -> None:
        written.append(bytes(data))
        write(wire, data)

    monkeypatch.setattr(Wire, "write", recorded)
    return written


@pytest.fixture
def talk(writes: list[bytes], monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the list of all that either side says, one item a packet; the server's begin with its codes."""
    say = Peer.say

    def recorded(peer: Peer, *lines: Any) -> None:
        writes.append(b"".join(line if isinstance(line, bytes) else f"{line}\r\n".encode() for line in lines))
        say(peer, *lines)

    monkeypatch.setattr(Peer, "say", recorded)
    return writes
