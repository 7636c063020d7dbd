"""The least that we must reach beside others on the same machine."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.bound import Bound
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

    def bound(self, title: str, runs: Mapping[str, Run]) -> Bound:
        """Return what was reached beside what must be; people call ours `title`."""
        return Bound(f"{title}, x {self.beside}", self.least, self.reached(runs), aim=self.aim)


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
