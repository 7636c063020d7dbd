"""A relay that takes a mail up to its dot and then says nothing: for good, or until a test lets it answer."""

import threading
from collections.abc import Callable

from tests.support.scripted import Peer


class Silent:
    """The script of a relay that never answers the dot."""

    def __init__(self) -> None:
        self._dotted = threading.Event()

    def __call__(self, peer: Peer) -> None:
        """Be the script."""
        self._take(peer)
        peer.hear_the_end()

    def wait_dot(self) -> None:
        """Return when the dot has come."""
        assert self._dotted.wait(20), "no dot has come"

    def _take(self, peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_envelope()
        peer.hear_message()
        self._dotted.set()


class Sitting(Silent):
    """The script of a relay that answers the dot when the test says so; `then` is what it does after that."""

    def __init__(self, then: Callable[[Peer], None] = Peer.take_quit) -> None:
        super().__init__()
        self._then = then
        self._says = ""
        self._answered = threading.Event()

    def __call__(self, peer: Peer) -> None:
        """Be the script."""
        self._take(peer)
        assert self._answered.wait(60), "nobody had the dot answered"
        peer.say(self._says)
        self._then(peer)

    def answer(self, reply: str = "250 2.0.0 Ok: queued as 4X") -> None:
        """Answer the dot."""
        self._says = reply
        self._answered.set()
