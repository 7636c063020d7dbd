"""What one driver found: one line, and whether a promise broke."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """`figures` is what was measured, in words; each item of `broken` names one breach of a promise."""

    driver: str
    database: str
    seed: int
    figures: str
    broken: tuple[str, ...] = ()

    def __str__(self) -> str:
        verdict = f"; BROKEN {len(self.broken)} times, first: {self.broken[0]}" if self.broken else ""
        return f"{self.driver} on {self.database}, seed {self.seed}: {self.figures}{verdict}"
