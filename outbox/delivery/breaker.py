"""How much may be tried at a relay that fails: plain values in, plain values out, the time handed in.

It opens after as many relay faults in a row as there are connections. While it is open nothing is
tried; then one connection tries again with one mail, after waits that double from 1 s to 5 min. A mail that
was judged, whatever the verdict, closes it, and the width grows 1, 2, 4, … back to all connections.
"""

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0


class Breaker:
    """The breaker of one relay, for `connections` senders; times are seconds of any steady clock."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._width = connections
        self._faults = 0
        self._waits = 0
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the relay is considered down; probing it is allowed from `wait` on."""
        return self._retry_at is not None

    def width(self, now: float) -> int:
        """Return how many connections may work at once: none, one as a probe, or more."""
        if self._retry_at is None:
            return self._width
        return 1 if now >= self._retry_at else 0

    def wait(self, now: float) -> float:
        """Return the seconds until something may be tried; 0 when it may now."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - now)

    def fault(self, now: float, chance: float) -> bool:
        """Count a relay fault; tell whether it opened the breaker. `chance` in [0, 1) spreads the wait."""
        self._faults += 1
        probing = self._retry_at is not None and now >= self._retry_at
        if self._retry_at is not None and not probing:
            return False  # a straggler of the time before it opened
        if not probing and self._faults < self._width:
            return False
        wait = min(FIRST_WAIT * 2.0 ** min(self._waits, 30), LONGEST_WAIT)
        self._retry_at = now + wait * (0.75 + chance / 2)
        self._waits += 1
        return not probing

    def judged(self) -> bool:
        """Note that the relay judged a mail; tell whether this closed the breaker."""
        self._faults = 0
        if self._retry_at is not None:
            self._retry_at = None
            self._width = 1
            return True
        if self._width < self._connections:
            self._width = min(self._width * 2, self._connections)
        else:
            self._waits = 0
        return False
