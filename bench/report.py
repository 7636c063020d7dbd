"""Everything that one benchmark found, and the tables that a person reads: Markdown that is also aligned."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from statistics import median as middle
from typing import TYPE_CHECKING, Any

from bench.contestants import CONTESTANTS, FLASK_MAIL, POSTGRESQL, SMTP_SOURCE
from bench.databases import title
from bench.floor import Floor, floors
from bench.run import Run, median

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.enqueue import EnqueueCost

_MB = 1024 * 1024
_TITLES = {contestant.name: contestant.title for contestant in CONTESTANTS}


@dataclass(slots=True)
class Report:
    """The findings so far, each under the name of what was measured."""

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
        """What the drain through PostgreSQL must reach."""
        return floors(self.medians)

    def as_json(self) -> dict[str, Any]:
        """Return everything, for a program."""
        return dataclasses.asdict(self) | {"floors": [dataclasses.asdict(floor) for floor in self.floors]}

    def as_text(self) -> str:
        """Return everything, for a person."""
        parts = [
            "\n".join(f"{name}: {fact}" for name, fact in self.facts.items()),
            _table(_RATE_COLUMNS, self._rates()) if self.runs else "",
            _table(_SIZE_COLUMNS, self._sizes()) if self.sizes else "",
            _table(_ENQUEUE_COLUMNS, self._enqueue()) if self.enqueue else "",
            f"Making and composing one mail of {self.size} bytes takes {self.compose:.0f} us of CPU."
            if self.compose is not None
            else "",
            "\n".join(self.missing),
            "\n".join(map(_floor_line, self.floors)) if POSTGRESQL in self.runs else "",
        ]
        return "\n\n".join(filter(None, parts))

    def _rates(self) -> Iterable[tuple[str, ...]]:
        medians = self.medians
        for name, run in medians.items():
            yield (
                _TITLES[name],
                f"{run.mails:,}",
                f"{run.rate:,.0f}",
                f"{run.cpu_per_thousand:.3f}",
                f"{run.peak / _MB:.0f}",
                _ratio(run, medians.get(FLASK_MAIL)),
                _ratio(run, medians.get(SMTP_SOURCE)),
            )

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


_RATE_COLUMNS = (
    "way of sending",
    "mails",
    "mails/s",
    "CPU s / 1,000",
    "peak MB",
    "x Flask-Mail",
    "x smtp-source",
)
_SIZE_COLUMNS = ("database", "transactions", "number", "least", "median", "most")
_ENQUEUE_COLUMNS = ("ms a transaction", "p50 without", "p50 with a mail", "p99 without", "p99 with a mail")


def _ratio(run: Run, other: Run | None) -> str:
    return "-" if other is None else f"{run.rate / other.rate:.2f}"


def _floor_line(floor: Floor) -> str:
    reached = "was not measured" if floor.reached is None else f"is {floor.reached:.2f}"
    verdict = "ok" if floor.holds else "MISSED"
    return f"floor through PostgreSQL: at least {floor.least:g} x {floor.beside}; it {reached}: {verdict}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [tuple(columns), *map(tuple, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]

    def row(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join((first, *others))} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([row(lines[0]), row(rule), *map(row, lines[1:])])
