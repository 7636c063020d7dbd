"""Where something of ours listens: on loopback only, as none of it asks who is there."""

import ipaddress

from outbox.errors import shown
from outbox.settings.unfit import UnfitError

GIVE = "an address of this host alone and a port, such as 127.0.0.1:9464 or [::1]:9464"
_HIGHEST = 65535


def parse_listen(text: str) -> tuple[str, int]:
    """Return the loopback address and the port that `text` names; raise UnfitError."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) <= _HIGHEST:
        raise UnfitError(f"{shown(text)} is no address and port", GIVE)
    if host == "localhost":
        return "127.0.0.1", int(port)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError as error:
        raise UnfitError(f"{shown(text)} names no IP address", GIVE) from error
    if not address.is_loopback:
        raise UnfitError(
            f"{bare} is not loopback, and whoever reaches it would read there without saying who they are",
            f"{GIVE}; let a proxy that asks for a password serve it to others",
        )
    return bare, int(port)
