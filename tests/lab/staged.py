"""A relay that keeps each mail at a stage of its own, until the daemon that sends it is paused."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.support.scripted import Peer
from tests.support.waiting import wait_until


@dataclass(slots=True)
class Kept:
    """One mail at its stage: `reached` when it is there; it goes on when `free` is set."""

    reached: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    dotted: bool = False
    """Whether its final dot came."""

    def hold(self) -> None:
        """Tell that the stage is reached, and wait."""
        self.reached.set()
        assert self.free.wait(60), "nobody paused the daemon"


Stage = Callable[[Peer, Kept], None]
"""What the relay does with a mail after DATA."""


def before_the_dot(peer: Peer, kept: Kept) -> None:
    """Let the daemon wait for the go-ahead."""
    kept.hold()
    peer.say("354 go")
    kept.dotted = _is_dotted(peer)


def in_the_body(peer: Peer, kept: Kept) -> None:
    """Read some of a long body, and no more until the pause."""
    peer.say("354 go")
    peer.hear_at_least(1000)
    kept.hold()
    kept.dotted = _is_dotted(peer)


def _is_dotted(peer: Peer) -> bool:
    """Read until the daemon has left, or its dot came after all, which then gets no answer."""
    try:
        peer.hear_message()
    except AssertionError:  # it left
        return False
    peer.reset()
    return True


def answering(answer: str | None) -> Stage:
    """Take the mail whole, and answer it, or cut the connection, only behind the pause."""

    def stage(peer: Peer, kept: Kept) -> None:
        peer.say("354 go")
        peer.hear_message()
        kept.dotted = True
        kept.hold()
        if answer is None:
            peer.reset()
        else:
            peer.say(answer)
            peer.hear_the_end()

    return stage


class StagedRelay:
    """Serves any number of connections in a `with` block; `stages` are by recipient.

    It offers no PIPELINING, so that each connection carries one mail up to its stage.
    """

    def __init__(self, stages: dict[str, Stage]) -> None:
        self._stages = stages
        self.kept = {recipient: Kept() for recipient in stages}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._failures: list[BaseException] = []

    def wait_all(self) -> None:
        """Wait until each mail has reached its stage."""

        def all_are() -> bool:
            return all(kept.reached.is_set() for kept in self.kept.values())

        wait_until(all_are, "all mails are at their stages")

    def free(self, recipient: str | None = None) -> None:
        """Let one mail go on, or all."""
        for kept in [self.kept[recipient]] if recipient else self.kept.values():
            kept.free.set()

    def _accept(self) -> None:
        while True:
            try:
                peer = Peer(self._listener.accept()[0])
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            peer.greet()
            peer.hear("MAIL FROM")
            peer.say("250 ok")
            recipient = peer.hear("RCPT TO").partition("<")[2].partition(">")[0]
            peer.say("250 ok")
            peer.hear("DATA")
            self._stages[recipient](peer, self.kept[recipient])
        except BaseException as error:  # noqa: BLE001 - handed to the driver at the end
            self._failures.append(error)
        finally:
            peer.close()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
        # A blocked accept() is not woken by close() alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)
        assert not self._failures, self._failures
