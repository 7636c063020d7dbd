"""Host names as settings take them, and the name that this host gives of itself."""

import ipaddress
import re
import socket

_LONGEST = 255  # RFC 1035 §2.3.4
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def is_domain(name: str) -> bool:
    """Tell whether `name` is a host name of letters, digits and `-` (RFC 1123 §2.1)."""
    return len(name) <= _LONGEST and all(_LABEL.fullmatch(label) for label in name.split("."))


def is_ip(name: str) -> bool:
    """Tell whether `name` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def valid_hello(name: str) -> str:
    """Make of a host's name one that relays accept in EHLO (RFC 5321 §4.1.1.1)."""
    labels = [re.sub(r"[^A-Za-z0-9-]", "-", label).strip("-")[:63].strip("-") for label in name.split(".")]
    labels = [label for label in labels if label] or ["localhost"]
    # Postfix does the same for a host that knows no domain of its own.
    return ".".join(labels if len(labels) > 1 else [*labels, "localdomain"])[-_LONGEST:].lstrip(".-")


def own_hello() -> str:
    """Return this host's full name in a form that relays accept."""
    name = socket.gethostname()
    return valid_hello(name if "." in name else socket.getfqdn())
