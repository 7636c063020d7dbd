"""Certificates of a test's own authority, good and bad, and the servers that show them."""

import datetime as dt
import ssl
import warnings
from pathlib import Path
from typing import Self

import trustme

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
NOT_YET = dt.datetime(2037, 6, 1, tzinfo=dt.UTC)


class Authority:
    """A certificate authority that only the test knows."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(
        self,
        *names: str,
        expired: bool = False,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for `names`, by default 127.0.0.1."""
        issued = self._ca.issue_cert(
            *(names or ("127.0.0.1",)), not_after=LONG_AGO if expired else not_after, not_before=not_before
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context

    def stranger(self) -> Self:
        """Return another authority, of which nobody has heard."""
        folder = self.ca_file.with_name("stranger")
        folder.mkdir()
        return type(self)(folder)

    def self_signed_context(self) -> ssl.SSLContext:
        """Return a server's context whose certificate is this authority's own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = self.ca_file.with_name("self-signed.pem")
        own.write_bytes(self._ca.private_key_pem.bytes() + self._ca.cert_pem.bytes())
        context.load_cert_chain(own)
        return context

    def old_context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """Return the context of a server that speaks only this old version of TLS."""
        context = self.server_context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        return context

    def demanding_context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """Return a server's context that lets in only clients with a certificate of this authority."""
        context = self.server_context()
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        self._ca.configure_trust(context)
        return context

    def client_certificate(self, *, expired: bool = False) -> tuple[Path, Path]:
        """Write a client's certificate and its key; return the two files."""
        issued = self._ca.issue_cert("client.example", not_after=LONG_AGO if expired else None)
        cert, key = self.ca_file.with_name("client.pem"), self.ca_file.with_name("client-key.pem")
        issued.cert_chain_pems[0].write_to_path(str(cert))
        issued.private_key_pem.write_to_path(str(key))
        return cert, key
