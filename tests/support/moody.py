"""A relay whose mood a test changes while it serves: away, silent after a dot, or minding one recipient."""

import socket
import threading
from typing import Self

from tests.support.scripted import Peer


class MoodyRelay:
    """It serves each connection on a thread of its own, in a `with` block."""

    def __init__(self, *, minds: str = "", silent: int = 0, dead: str = "", cuts: int = 0) -> None:
        self.dead = dead
        """The domain of whose recipients it says, when it speaks up, that it cannot be reached."""
        self.waiting = 0
        """Recipients in the dead domain that wait for that."""
        self.cuts = cuts
        """How many of the next dots it answers by leaving."""
        self.minds = minds
        """The recipient to whom it says that relaying is denied."""
        self.away = False
        """Whether it closes each connection at once."""
        self.silent = silent
        """How many of the next dots it leaves without an answer, until it speaks up."""
        self.unanswered = 0
        """Dots that wait for that."""
        self.asked: list[str] = []
        """The recipients that it was asked for, in order."""
        self._spoken = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peers: list[Peer] = []

    def speak_up(self) -> None:
        """Answer the dots that wait."""
        self._spoken.set()

    def _accept(self) -> None:
        while True:
            try:
                peer = Peer(self._listener.accept()[0])
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer: Peer) -> None:
        try:
            if not self.away:
                peer.say("220 mail.example ESMTP")
                while self._obey(peer, peer.hear("")):
                    pass
        except (OSError, AssertionError):
            pass  # the client has gone
        finally:
            peer.close()

    def _obey(self, peer: Peer, line: str) -> bool:
        if line.startswith("RCPT TO:"):
            self.asked.append(line[line.index("<") + 1 : line.index(">")])
            if self.dead and self.asked[-1].endswith(f"@{self.dead}"):
                self.waiting += 1
                self._spoken.wait()
                peer.say("451 4.4.1 no answer from that host")
                return True
            peer.say("454 4.7.1 Relay access denied" if self.asked[-1] == self.minds else "250 ok")
        elif line == "DATA":
            peer.say("354 go")
            peer.hear_message()
            if self.cuts:
                self.cuts -= 1
                return False
            if self.silent:
                self.silent -= 1
                self.unanswered += 1
                self._spoken.wait()
            peer.say("250 2.0.0 Ok: queued")
        else:
            peer.say("250 ok")
        return line != "QUIT"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._spoken.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.close()
