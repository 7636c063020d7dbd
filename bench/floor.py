"""The least that a drain through PostgreSQL must reach beside others on the same machine."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.contestants import FLASK_MAIL, POSTGRESQL, SMTP_SOURCE
from bench.run import Run

FLOORS = {FLASK_MAIL: 8.0, SMTP_SOURCE: 0.3}
"""How many times as fast as each of these it must be."""


@dataclass(frozen=True, slots=True)
class Floor:
    """One comparison; `reached` is None where one of the two was not measured."""

    beside: str
    least: float
    reached: float | None

    @property
    def holds(self) -> bool:
        """Whether it was measured and reached."""
        return self.reached is not None and self.reached >= self.least


def floors(runs: Mapping[str, Run]) -> list[Floor]:
    """Compare the drain through PostgreSQL with each floor."""
    ours = runs.get(POSTGRESQL)
    return [
        Floor(other, least, ours.rate / runs[other].rate if ours and other in runs else None)
        for other, least in FLOORS.items()
    ]
