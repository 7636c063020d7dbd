"""A server's end of TLS whose records a script may cut where it likes."""

import ssl

from tests.support.scripted import Peer


class SlicedTls:
    """TLS over a scripted peer, without a socket of its own."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        self.heard = b""
        """All that the client said, decrypted."""
        self._peer = peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self) -> None:
        """Do the server's side of the handshake."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._peer.say(self._outgoing.read())
                self._incoming.write(self._peer.hear_something())
        self._peer.say(self._outgoing.read())

    def hear(self, end: bytes) -> None:
        """Read until the client has said `end`."""
        while end not in self.heard:
            try:
                self.heard += self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._incoming.write(self._peer.hear_something())

    def sealed(self, text: bytes) -> bytes:
        """Return the records that say `text`."""
        self._tls.write(text)
        return self._outgoing.read()
