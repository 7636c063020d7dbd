"""One measured run of one way of sending."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """How long `mails` mails took and what the sending process spent on them; `peak` is in bytes."""

    mails: int
    seconds: float
    cpu: float
    peak: int

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds of the sending process for 1,000 mails."""
        return self.cpu * 1000 / self.mails


def median(runs: list[Run]) -> Run:
    """Return the run in the middle by rate; of two, the slower."""
    return sorted(runs, key=lambda run: run.rate)[(len(runs) - 1) // 2]
