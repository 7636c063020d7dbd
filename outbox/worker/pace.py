"""How large a claim should be: half a second of work at the present rate."""

MOST = 200
"""Deliveries in one claim; above this the rate of claims no longer grows."""

_WINDOW = 0.5
_SETTLED = 0.05


class Pace:
    """Measures finished deliveries a second, for `connections` senders."""

    def __init__(self, connections: int) -> None:
        self._least = min(2 * connections, MOST)
        self.total = 0
        """Deliveries whose sending has ended so far."""
        self._since: float | None = None
        self._finished = 0
        self._rate = 0.0

    def finished(self, deliveries: int) -> None:
        """Count deliveries whose sending has ended."""
        self._finished += deliveries
        self.total += deliveries

    def passing(self, now: float) -> float:
        """Return the deliveries a second that end now; 0 where none has ended lately."""
        return max(self._rate, self._lately(now))

    def claim_size(self, now: float) -> int:
        """Return how many deliveries to claim at `now`, in seconds of any steady clock."""
        if self._since is None:
            self._since = now
        elapsed = now - self._since
        # What this window shows so far counts too: a burst must not begin with half a second of small claims.
        lately = self._lately(now)
        if elapsed >= _WINDOW:
            self._rate = lately
            self._since, self._finished = now, 0
        return max(self._least, min(int(max(self._rate, lately) * _WINDOW), MOST))

    def _lately(self, now: float) -> float:
        return 0.0 if self._since is None else self._finished / max(now - self._since, _SETTLED)
