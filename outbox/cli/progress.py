"""Show how far something is: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from outbox.cli.paper import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_BETWEEN_LINES = 1.0


@contextmanager
def progress(totals: Mapping[str, int]) -> Iterator[Callable[[Mapping[str, int]], None]]:
    """Give a function that takes how many of each total are done now; cheap to call often."""
    terminal = console()
    if terminal is None:
        yield _lines(totals)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - an extra

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=terminal) as bars:
        tasks = {name: bars.add_task(name, total=total) for name, total in totals.items()}

        def show(done: Mapping[str, int]) -> None:
            for name, count in done.items():
                bars.update(tasks[name], completed=count)

        yield show


def _lines(totals: Mapping[str, int]) -> Callable[[Mapping[str, int]], None]:
    said: list[Mapping[str, int]] = []
    due = 0.0

    def show(done: Mapping[str, int]) -> None:
        nonlocal due
        now = time.monotonic()
        if done in said[-1:] or (now < due and done != totals):
            return
        due = now + _BETWEEN_LINES
        said.append(dict(done))
        click.echo("  " + ", ".join(f"{count} of {totals[name]} {name}" for name, count in done.items()))

    return show
