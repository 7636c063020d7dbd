"""The server's end of a connection, in the clear or inside TLS, still without I/O."""

import ssl

from tests.cuts.session import Ledger, Offer, Session


class Receiver:
    """A session and its TLS: from the start with `implicit`, else once it was asked for."""

    def __init__(
        self, offer: Offer, ledger: Ledger, context: ssl.SSLContext | None, *, implicit: bool
    ) -> None:
        self._session = Session(offer, ledger)
        self._context = context
        self._implicit = implicit
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._established = False
        self._broken = False

    @property
    def closed(self) -> bool:
        """Whether the server wants to end."""
        return self._broken or self._session.closed

    def greet(self) -> bytes:
        """Return what is said before anything was heard."""
        if self._implicit:
            self._begin_tls()
            return b""
        return self._session.greet()

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the network, and return what goes back."""
        if self.closed:
            return b""
        if self._tls is None:
            answer = self._session.hear(data)
            if self._session.wants_tls:
                self._begin_tls()
            return answer
        self._incoming.write(data)
        try:
            self._proceed(self._tls)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._broken = True
        return self._outgoing.read()

    def _begin_tls(self) -> None:
        assert self._context is not None
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _proceed(self, tls: ssl.SSLObject) -> None:
        if not self._established:
            tls.do_handshake()
            self._established = True
            self._session.be_secured()
            if self._implicit:
                tls.write(self._session.greet())
        while data := tls.read(65536):
            if answer := self._session.hear(data):
                tls.write(answer)
