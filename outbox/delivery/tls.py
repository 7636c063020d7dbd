"""TLS towards a relay: the context, and the channel without I/O.

The channel is our own over MemoryBIO, since asyncio's TLS transport hides when its bytes have really left;
the final dot must know.
"""

import ssl
from datetime import UTC, datetime

from outbox.delivery.certificate import Certificate, UntrustedCertificateError, shown
from outbox.delivery.relay import Relay, TlsMode


class CaFileError(ValueError):
    """A CA file that is missing or holds no certificate."""


class ClientCertificateError(ValueError):
    """A certificate of our own, or its key, that is missing or cannot be used."""


def client_context(relay: Relay) -> ssl.SSLContext:
    """Build the TLS context of `relay`: TLS 1.2 or later, certificate and name verified if not opportunistic.

    Reads files, so build one per relay and keep it. Raises CaFileError and ClientCertificateError.
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
    if relay.tls is TlsMode.OPPORTUNISTIC:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _show_ours(context, relay)
    return context


def _show_ours(context: ssl.SSLContext, relay: Relay) -> None:
    """Load our own certificate, where the relay wants one."""
    if relay.client_cert is None:
        return
    key = relay.client_key or relay.client_cert

    def no_passphrase() -> str:
        # Without this OpenSSL would ask on the terminal, and a daemon would stand still.
        raise ClientCertificateError(
            f"the key in {key} is under a passphrase: take it off with `openssl pkey -in {key} -out NEW_FILE`"
        )

    try:
        context.load_cert_chain(relay.client_cert, relay.client_key, no_passphrase)
    except ssl.SSLError as error:
        foreign = error.reason == "KEY_VALUES_MISMATCH"
        wrong = "the key is another certificate's" if foreign else "one of the two is missing or damaged"
        raise ClientCertificateError(
            f"{relay.client_cert} must hold our certificate and {key} its private key, both as PEM: {wrong}"
        ) from error
    except OSError as error:
        raise ClientCertificateError(
            f"the certificate {relay.client_cert} or its key {key} cannot be read: {error.strerror}"
        ) from error


_HEADER = 5


class TlsChannel:
    """The client's end of one TLS session: bytes in, bytes out.

    `ended` says that the farewell came; `broken` holds what came in place of TLS, an alert for example.
    """

    def __init__(self, context: ssl.SSLContext, hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._header = b""
        self._missing = 0
        # The dot that ends an absolute name is DNS's own: no certificate holds it.
        name = hostname.removesuffix(".")
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.established = False
        self.ended = False
        self.broken: ssl.SSLError | None = None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates that the other end showed, its own first."""
        return shown(self._tls)

    @property
    def version(self) -> str:
        """The version of TLS that was agreed on, such as TLSv1.3."""
        return self._tls.version() or ""

    def take(self) -> bytes:
        """Return what must be written to the network."""
        return self._outgoing.read()

    @property
    def is_partial(self) -> bool:
        """Whether a record has come in part: what it says is in nobody's hands yet."""
        return bool(self._header or self._missing)

    def feed(self, data: bytes) -> None:
        """Take what came from the network."""
        self._follow(data)
        self._incoming.write(data)

    def _follow(self, data: bytes) -> None:
        """Keep count of the records (RFC 8446 §5.1): five bytes of header, the last two of them a length."""
        at = 0
        while at < len(data):
            if self._missing:
                taken = min(self._missing, len(data) - at)
                self._missing -= taken
            else:
                taken = min(_HEADER - len(self._header), len(data) - at)
                self._header += data[at : at + taken]
                if len(self._header) == _HEADER:
                    self._missing = int.from_bytes(self._header[-2:])
                    self._header = b""
            at += taken

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is done.

        Raises ssl.SSLError, of a bad certificate UntrustedCertificateError.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            code, words = error.verify_code, error.verify_message
            raise UntrustedCertificateError(code, words, shown(self._tls), datetime.now(UTC)) from error
        self.established = True
        return True

    def decrypt(self) -> bytes:
        """Return the plain bytes that have come whole; sets `ended` and `broken`.

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
        except ssl.SSLError as error:
            # What was authentic before it is heard first: a 250, say. The next read raises again.
            if not parts:
                raise
            self.broken = error
        return b"".join(parts)

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return `data` as TLS records. Raises ssl.SSLError."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        return self._outgoing.read()
