"""What a TLS server on this host shows: a certificate of an authority that only the test knows."""

from pathlib import Path

import trustme


def write_identity(folder: Path) -> None:
    """Write the key and certificate of localhost into tls.pem, that of its authority into ca.pem."""
    authority = trustme.CA()
    identity = folder / "tls.pem"
    identity.touch(0o600)
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(identity))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
