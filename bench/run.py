"""One measured run of one way of sending."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """How long `mails` mails took and what the sending process spent on them; `peak` is in bytes.

    Where a distance was put before the server, `round_trip` has its seconds, and `connections` went over it.
    """

    mails: int
    seconds: float
    cpu: float
    peak: int
    connections: int = 1
    round_trip: float | None = None

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds of the sending process for 1,000 mails."""
        return self.cpu * 1000 / self.mails

    @property
    def per_trip(self) -> float | None:
        """Mails in a round trip of each connection; None without a distance."""
        return None if self.round_trip is None else self.rate * self.round_trip / self.connections


def median(runs: list[Run]) -> Run:
    """Return the run in the middle by rate; of two, the slower."""
    return sorted(runs, key=lambda run: run.rate)[(len(runs) - 1) // 2]


def best(runs: list[Run]) -> Run:
    """Return the fastest."""
    return max(runs, key=lambda run: run.rate)
