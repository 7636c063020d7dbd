"""A question about the queue, asked of one or more kinds of database."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.bound import Bound
from bench.databases import title


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure of a study, which `of` takes from its finding, must be; the rest is as in Bound.

    `only` names the kinds of database for which it is promised, if not for all.
    """

    what: str
    limit: float
    of: Callable[[Any], float]
    upper: bool = False
    aim: float | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One question: `measure` takes a kind of database and the mails of a drain, by which sizes are scaled.

    It returns a dataclass or a dict, which `rows` lays out under `columns`, without the first one: that
    names the kind of database.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    measure: Callable[[str, int], Any]
    rows: Callable[[Any], Iterable[tuple[str, ...]]]
    goals: tuple[Goal, ...] = ()

    def part(self, kind: str) -> str:
        """Return what this study of one kind of database is called on the command line."""
        return f"{self.name}-{kind}"

    def bounds(self, kind: str, found: Any) -> list[Bound]:
        """Return the goals beside what was `found` through this kind of database; None if nothing was."""
        return [
            Bound(
                f"{goal.what}, {title(kind)}",
                goal.limit,
                None if found is None else goal.of(found),
                goal.upper,
                goal.aim,
            )
            for goal in self.goals
            if not goal.only or kind in goal.only
        ]
