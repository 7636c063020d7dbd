"""Where a relay is and what it is called: the rules for that, and what holds where nothing is said."""

from typing import Literal

from outbox.settings.hosts import is_domain, is_ip

Protocol = Literal["smtp", "lmtp"]
Tls = Literal["starttls", "implicit", "opportunistic", "none"]

HOST = "localhost"
PROTOCOL: Protocol = "smtp"
TLS: Tls = "starttls"

LONGEST_NAME = 64
"""Characters of the name of a relay, for which the table of deliveries has room, and of an environment."""

_PORTS = {"starttls": 587, "implicit": 465}
_SMTP_PORT = 25
_LMTP_PORT = 24  # where Dovecot and others look for it; no port is registered (RFC 2033 §5)


def is_host(name: str) -> bool:
    """Tell whether `name` is a host, by name or by address; some internal names have a `_`."""
    return is_domain(name.removesuffix(".").replace("_", "x")) or is_ip(name)


def is_short_name(name: str) -> bool:
    """Tell whether `name` may be the name of a relay or an environment."""
    return name.isprintable() and name.strip() == name and 0 < len(name) <= LONGEST_NAME


def usual_port(protocol: str | None, tls: str | None) -> int:
    """Return the port of relays that name none."""
    return _LMTP_PORT if protocol == "lmtp" else _PORTS.get(tls or "", _SMTP_PORT)


def called(host: str, port: int) -> str:
    """Return what the one relay is called that has no name."""
    return f"{host}:{port}"[-LONGEST_NAME:]
