"""One figure beside what it must be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """`what` must reach at least `limit`, or stay at most there if that is `upper`.

    `reached` is None where it was not measured: that holds nothing. Where more is wanted than is promised,
    `aim` says how much.
    """

    what: str
    limit: float
    reached: float | None
    upper: bool = False
    aim: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it was measured and is as it must be."""
        if self.reached is None:
            return False
        return self.reached <= self.limit if self.upper else self.reached >= self.limit

    def __str__(self) -> str:
        kind, side = ("ceiling", "at most") if self.upper else ("floor", "at least")
        found = "was not measured" if self.reached is None else f"is {self.reached:,.4g}"
        aim = f" (aim: {self.aim:,g})" if self.aim is not None else ""
        verdict = "ok" if self.holds else "MISSED"
        return f"{kind} of {self.what}: {side} {self.limit:,g}{aim}; it {found}: {verdict}"
