"""Everything that one benchmark found, for a person and for a program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from statistics import median as middle
from typing import TYPE_CHECKING, Any

from bench.contestants import CONTESTANTS, GROUPS, Group
from bench.databases import title
from bench.floor import FLOORS, Floor
from bench.run import Run, best, median
from bench.table import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.enqueue import EnqueueCost

_MB = 1024 * 1024
_TITLES = {contestant.name: contestant.title for contestant in CONTESTANTS}


@dataclass(slots=True)
class Report:
    """The findings so far, each under the name of what was measured; `only` has the names that were asked."""

    only: frozenset[str]
    facts: dict[str, str]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    sizes: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    enqueue: dict[str, EnqueueCost] = field(default_factory=dict)
    compose: float | None = None
    size: int | None = None
    missing: list[str] = field(default_factory=list)

    def lacks(self, error: Exception) -> None:
        """Note, once, what this machine lacks."""
        if str(error) not in self.missing:
            self.missing.append(str(error))

    @property
    def medians(self) -> dict[str, Run]:
        """The run in the middle of each contestant's."""
        return {name: median(runs) for name, runs in self.runs.items()}

    @property
    def floors(self) -> list[Floor]:
        """The floors for which all was asked that they compare."""
        return [floor for floor in FLOORS if floor.names <= self.only]

    @property
    def holds(self) -> bool:
        """Whether all these floors were reached."""
        medians = self.medians
        return all(floor.holds(medians) for floor in self.floors)

    def as_json(self) -> dict[str, Any]:
        """Return everything, for a program."""
        medians = self.medians
        floors = [floor.as_json(medians) for floor in self.floors]
        return dataclasses.asdict(self) | {"only": sorted(self.only), "floors": floors}

    def as_text(self) -> str:
        """Return everything, for a person."""
        medians = self.medians
        parts = [
            "\n".join(f"{name}: {fact}" for name, fact in self.facts.items()),
            *(_compared(group, medians) for group in GROUPS.values() if _tells(group, medians)),
            table(_SIZE_COLUMNS, self._sizes()) if self.sizes else "",
            table(_ENQUEUE_COLUMNS, self._enqueue()) if self.enqueue else "",
            f"Making and composing one mail of {self.size} bytes takes {self.compose:.0f} us of CPU."
            if self.compose is not None
            else "",
            "\n".join(self.missing),
            "\n".join(floor.line(_TITLES[floor.ours], medians) for floor in self.floors),
        ]
        return "\n\n".join(filter(None, parts))

    def _sizes(self) -> Iterable[tuple[str, ...]]:
        for kind, observed in self.sizes.items():
            for what, sizes in observed.items():
                found = sorted(size for size in sizes if size)
                yield (
                    title(kind),
                    what,
                    str(len(found)),
                    str(found[0]),
                    f"{middle(found):.0f}",
                    str(found[-1]),
                )

    def _enqueue(self) -> Iterable[tuple[str, ...]]:
        for kind, cost in self.enqueue.items():
            values = (cost.plain_p50, cost.mail_p50, cost.plain_p99, cost.mail_p99)
            yield title(kind), *(f"{value:.2f}" for value in values)


_RATE_COLUMNS = ("way of sending", "mails", "mails/s", "CPU s / 1,000", "peak MB")
_PER_TRIP_COLUMN = "mails / round trip"
_SIZE_COLUMNS = ("database", "transactions", "number", "least", "median", "most")
_ENQUEUE_COLUMNS = ("ms a transaction", "p50 without", "p50 with a mail", "p99 without", "p99 with a mail")


def _tells(group: Group, runs: dict[str, Run]) -> bool:
    """Whether this group was measured, and no other has all of its rows and more."""
    found = runs.keys() & group.names
    return bool(found) and not any(found < runs.keys() & other.names for other in GROUPS.values())


def _compared(group: Group, runs: dict[str, Run]) -> str:
    """Return the table of one group, as far as it was measured."""
    found = {name: runs[name] for name in group.names if name in runs}
    trips = [run.round_trip for run in found.values() if run.round_trip is not None]
    columns = (*_RATE_COLUMNS, *((_PER_TRIP_COLUMN,) if trips else ()), *group.beside)
    rows = []
    for name, run in found.items():
        figures = (
            f"{run.mails:,}",
            f"{run.rate:,.0f}",
            f"{run.cpu_per_thousand:.3f}",
            f"{run.peak / _MB:.0f}",
        )
        per_trip = ("-" if run.per_trip is None else f"{run.per_trip:.2f}",) if trips else ()
        ratios = (
            _ratio(run, [runs[other] for other in names if other in runs]) for names in group.beside.values()
        )
        rows.append((_TITLES[name], *figures, *per_trip, *ratios))
    measured = f"; measured: {middle(trips) * 1000:.1f} ms" if trips else ""
    return f"{group.title}{measured}\n\n{table(columns, rows)}"


def _ratio(run: Run, others: list[Run]) -> str:
    return f"{run.rate / best(others).rate:.2f}" if others else "-"
