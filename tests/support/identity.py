"""What a TLS server of this host and its client show: certificates by an authority of their own."""

from pathlib import Path

import trustme


def write_identity(folder: Path) -> None:
    """Write what the server shows into tls.pem, its client into client.pem; both are signed by ca.pem."""
    authority = trustme.CA()
    for file, names in (("tls.pem", ("localhost", "127.0.0.1")), ("client.pem", ("client.example",))):
        identity = authority.issue_cert(*names).private_key_and_cert_chain_pem
        (folder / file).touch(0o600)
        identity.write_to_path(str(folder / file))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
