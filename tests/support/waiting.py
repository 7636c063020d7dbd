"""Wait for something to become true, with a deadline; and find a port to become true on."""

import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress

_PAUSE = 0.02
_PORTS = range(20_000, 32_768)
"""Below those that Linux (from 32768) and IANA (from 49152) give to whoever asks for any."""


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    """Return once `condition()` is true; raise TimeoutError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:g} s still not true: {what}")
        time.sleep(_PAUSE)


def answers(port: int) -> bool:
    """Tell whether something accepts connections on this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago, and that nobody gets by chance.

    A server comes to listen on it later, and after a restart again: until then no client, not even one that
    looks whether the server is there, and no server that takes any port may have been given this one.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
