"""`outbox top`: what stands now, drawn anew every two seconds on a terminal."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import DBAPIError

from outbox.cli.options import database_url
from outbox.cli.paper import cell, console, print_table
from outbox.cli.signals import on_signals
from outbox.cli.top_frame import Rates, Section, frame
from outbox.settings.named import database_url as url_of
from outbox.settings.opening import opened_at
from outbox.store.overview import overview

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, Group

    from outbox.store.database import Database

_SILENCE = 10.0
_SHARE = 9
"""How much longer than a look the wait behind it is at least: a queue of millions takes its time to count."""
_SLICE = 0.1


@click.command()
@click.option("--once", is_flag=True, help="Print one frame, and end; so it does where there is no terminal.")
@click.option(
    "--interval",
    type=click.FloatRange(0.5),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@database_url
def top(interval: float, database_url: str | None, *, once: bool) -> None:
    """Watch the queue, the gates, the daemons and what failed last, until Ctrl-C.

    It asks the database at most a tenth of the time. A daemon's rate is known from its second beat on.
    """
    terminal = console()
    with opened_at(url_of(database_url), silence=_SILENCE) as database:
        if once or terminal is None:
            _print(frame(database.read(overview), {}))
        else:
            _watch(database, terminal, interval)


def _print(sections: Sequence[Section]) -> None:
    for number, section in enumerate(sections):
        click.echo(f"{chr(10) if number else ''}{section.title}")
        if section.rows:
            print_table(section.heads, section.rows)
        else:
            click.echo(section.empty)


def _watch(database: Database, terminal: Console, interval: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - an extra, as in `console`

    signals: list[int] = []
    rates = Rates()
    with (
        on_signals(signals.append, signal.SIGINT, signal.SIGTERM),
        Live(console=terminal, screen=True, auto_refresh=False) as live,
    ):
        while not signals:
            began = time.monotonic()
            live.update(_drawn(_look(database, rates)), refresh=True)
            took = time.monotonic() - began
            _wait(max(interval, _SHARE * took), lambda: bool(signals))


def _look(database: Database, rates: Rates) -> list[Section]:
    """Return the sections of now; a database that is away is told, and asked again."""
    try:
        now = database.read(overview)
    except DBAPIError as error:
        words = " ".join(str(error.orig).split())
        return [Section("Database", (), [], f"{database.shown} does not answer: {words}")]
    return frame(now, rates.look(now))


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    # A signal does not end a sleep by itself.
    until = time.monotonic() + seconds
    while not is_over() and (left := until - time.monotonic()) > 0:
        time.sleep(min(_SLICE, left))


def _drawn(sections: Sequence[Section]) -> Group:
    from rich import box  # noqa: PLC0415 - an extra, as in `console`
    from rich.console import Group  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    drawn: list[Table | Text] = []
    for section in sections:
        drawn.append(Text(section.title, style="bold"))
        if not section.rows:
            drawn.append(Text(section.empty + "\n"))
            continue
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for head in section.heads:
            table.add_column(head, overflow="ellipsis", no_wrap=True)
        for row in section.rows:
            table.add_row(*(Text(cell(value)) for value in row))
        drawn.append(table)
    return Group(*drawn)
