"""TLS towards a relay: the context, and the channel without I/O.

The channel is our own over MemoryBIO, since asyncio's TLS transport hides when its bytes have really left;
the final dot must know.
"""

import ssl

from outbox.delivery.relay import Relay


class CaFileError(ValueError):
    """A CA file that is missing or holds no certificate."""


def client_context(relay: Relay) -> ssl.SSLContext:
    """Build the TLS context of `relay`: certificate and name verified, TLS 1.2 or later.

    Reads files, so build one per relay and keep it. Raises CaFileError.
    """
    try:
        context = ssl.create_default_context(cafile=relay.ca_file)
    except OSError as error:
        raise CaFileError(f"the CA file {relay.ca_file} cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # create_default_context obeys SSLKEYLOGFILE: a variable left in an environment would open every session.
    # None closes the file again; the type says only str.
    context.keylog_filename = None  # type: ignore[assignment]
    return context


class TlsChannel:
    """The client's end of one TLS session: bytes in, bytes out."""

    def __init__(self, context: ssl.SSLContext, hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self.established = False
        self.ended = False
        self.broken = False

    def take(self) -> bytes:
        """Return what must be written to the network."""
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Take what came from the network."""
        self._incoming.write(data)

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is done. Raises ssl.SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def decrypt(self) -> bytes:
        """Return the plain bytes that have come whole; sets `ended` at the farewell, `broken` at no TLS.

        Raises ssl.SSLError.
        """
        parts: list[bytes] = []
        try:
            while part := self._tls.read(65536):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError:
            # What was authentic before it is heard first: a 250, say. The next read raises again.
            if not parts:
                raise
            self.broken = True
        return b"".join(parts)

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return `data` as TLS records. Raises ssl.SSLError."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        return self._outgoing.read()
