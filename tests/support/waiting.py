"""Wait for something to become true, with a deadline; and find a port to become true on."""

import socket
import time
from collections.abc import Callable

_PAUSE = 0.02


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
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
