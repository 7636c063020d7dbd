"""Certificates of a test's own authority, good and bad."""

import datetime as dt
import ssl
from pathlib import Path

import trustme

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Authority:
    """A certificate authority that only the test knows."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self, name: str = "127.0.0.1", *, expired: bool = False) -> ssl.SSLContext:
        """Return a server's context with a certificate for `name`."""
        issued = self._ca.issue_cert(name, not_after=LONG_AGO if expired else None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        return context
