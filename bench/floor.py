"""The least that we must reach beside others on the same machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.contestants import far_name
from bench.run import Run, best


@dataclass(frozen=True, slots=True)
class Floor:
    """`ours` sends at least `least` times as fast as the best of `others`, whom people call `beside`.

    Without `others`, it sends at least `least` mails in a round trip of each connection. Where more is
    wanted than is promised, `aim` says how much.
    """

    ours: str
    beside: str
    least: float
    others: tuple[str, ...] = ()
    aim: float | None = None

    @property
    def names(self) -> frozenset[str]:
        """All contestants that it compares."""
        return frozenset({self.ours, *self.others})

    def reached(self, runs: Mapping[str, Run]) -> float | None:
        """Return what was reached; None where a contestant is missing."""
        if not self.names <= runs.keys():
            return None
        ours = runs[self.ours]
        return ours.rate / best([runs[name] for name in self.others]).rate if self.others else ours.per_trip

    def holds(self, runs: Mapping[str, Run]) -> bool:
        """Whether it was measured and reached."""
        reached = self.reached(runs)
        return reached is not None and reached >= self.least

    def line(self, title: str, runs: Mapping[str, Run]) -> str:
        """Say what was found, for a person."""
        reached = self.reached(runs)
        found = "was not measured" if reached is None else f"is {reached:.2f}"
        aim = f" (aim: {self.aim:g})" if self.aim is not None else ""
        verdict = "ok" if self.holds(runs) else "MISSED"
        return f"floor of {title}: at least {self.least:g} x {self.beside}{aim}; it {found}: {verdict}"

    def as_json(self, runs: Mapping[str, Run]) -> dict[str, Any]:
        """Return the same, for a program."""
        return {
            "ours": self.ours,
            "beside": self.beside,
            "least": self.least,
            "aim": self.aim,
            "reached": self.reached(runs),
        }


FLOORS = (
    Floor("postgresql", "Flask-Mail", 8, ("flask-mail",)),
    Floor("postgresql", "smtp-source", 0.5, ("smtp-source",), aim=0.7),
    Floor("chained-4", "the best of Python's others on as many", 2, ("smtplib-4", "aiosmtplib-4")),
    Floor(
        far_name("chained-16"),
        "the best of Python's others on as many, at the distance",
        3.5,
        (far_name("smtplib-16"), far_name("aiosmtplib-16")),
    ),
    Floor(far_name("chained-16"), "a mail in each round trip of each connection", 0.9),
)
