"""Everything that one benchmark found, for a person and for a program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from itertools import chain
from statistics import median as middle
from typing import TYPE_CHECKING, Any

from bench.contestants import CONTESTANTS, GROUPS, Group
from bench.databases import title
from bench.floor import FLOORS
from bench.questions import STUDIES
from bench.run import Run, best, median
from bench.table import table

if TYPE_CHECKING:
    from bench.bound import Bound
    from bench.study import Study

_MB = 1024 * 1024
_TITLES = {contestant.name: contestant.title for contestant in CONTESTANTS}


@dataclass(slots=True)
class Report:
    """The findings so far, each under the name of what was measured; `only` has the names that were asked."""

    only: frozenset[str]
    facts: dict[str, str]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    studies: dict[str, Any] = field(default_factory=dict)
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
    def bounds(self) -> list[Bound]:
        """The floors and goals for which all was asked that they compare, with what was reached."""
        medians = self.medians
        floors = [floor.bound(_TITLES[floor.ours], medians) for floor in FLOORS if floor.names <= self.only]
        asked = ((study, kind) for study in STUDIES for kind in study.kinds if study.part(kind) in self.only)
        goals = [study.bounds(kind, self.studies.get(study.part(kind))) for study, kind in asked]
        return [*floors, *chain.from_iterable(goals)]

    @property
    def holds(self) -> bool:
        """Whether all of these were reached."""
        return all(bound.holds for bound in self.bounds)

    def as_json(self) -> dict[str, Any]:
        """Return everything, for a program."""
        bounds = [dataclasses.asdict(bound) for bound in self.bounds]
        return dataclasses.asdict(self) | {"only": sorted(self.only), "bounds": bounds}

    def as_text(self) -> str:
        """Return everything, for a person."""
        medians = self.medians
        parts = [
            "\n".join(f"{name}: {fact}" for name, fact in self.facts.items()),
            *(_compared(group, medians) for group in GROUPS.values() if _tells(group, medians)),
            *(_answered(study, self.studies) for study in STUDIES),
            "\n".join(self.missing),
            "\n".join(map(str, self.bounds)),
        ]
        return "\n\n".join(filter(None, parts))


_RATE_COLUMNS = ("way of sending", "mails", "mails/s", "CPU s / 1,000", "peak MB")
_PER_TRIP_COLUMN = "mails / round trip"


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


def _answered(study: Study, found: dict[str, Any]) -> str:
    """Return the table of one study, as far as it was made."""
    rows = [
        (title(kind), *cells)
        for kind in study.kinds
        if study.part(kind) in found
        for cells in study.rows(found[study.part(kind)])
    ]
    return f"{study.title}\n\n{table(('database', *study.columns), rows)}" if rows else ""


def _ratio(run: Run, others: list[Run]) -> str:
    return f"{run.rate / best(others).rate:.2f}" if others else "-"
