"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from datetime import UTC, datetime
from enum import Enum
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console


_GAP = 3
_LEAST_LAST = 16


def console() -> Console | None:
    """Return a terminal that can show more than lines; None without rich, a terminal, or the wish for it."""
    # Who closes it has none.
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - the extra `cli` may not be installed
    except ModuleNotFoundError:
        return None
    return Console(highlight=False)


def cell(value: object) -> str:
    """Return `value` as one safe line; times in UTC, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return printable(str(value))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print `rows` under `heads`, in columns."""
    cells = [[cell(value) for value in row] for row in rows]
    terminal = console()
    if terminal is None:
        _print_aligned(heads, cells)
    else:
        _print_rich(terminal, heads, cells)


def print_paragraph(text: str) -> None:
    """Print a text that may be long, on a terminal in lines of its width; elsewhere in one, for `grep`."""
    line = printable(text)
    if sys.stdout is not None and sys.stdout.isatty():
        line = textwrap.fill(
            line, get_terminal_size().columns, break_long_words=False, break_on_hyphens=False
        )
    click.echo(line)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one name and value a line, leaving out what is not there."""
    width = max(map(len, fields))
    for name, value in fields.items():
        if value is not None:
            click.echo(f"{name:<{width}}  {cell(value)}")


def print_json(row: Mapping[str, Any]) -> None:
    """Print one object on one line; times are ISO 8601 in UTC."""
    click.echo(json.dumps(row, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value.value if isinstance(value, Enum) else value)


def _print_aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def _print_rich(terminal: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box  # noqa: PLC0415 - as in `console`
    from rich.table import Table  # noqa: PLC0415 - as in `console`
    from rich.text import Text  # noqa: PLC0415 - as in `console`

    # Columns that say nothing are left out. Only the last may fold: ids and addresses are copied whole.
    *others, last = heads
    columns = {head: cells for head, *cells in zip(heads, *rows, strict=True) if any(cells) or head == last}
    whole = [head for head in others if head in columns]
    width = sum(_GAP + max(map(len, (head, *columns[head]))) for head in whole)
    if width + _LEAST_LAST > terminal.width:
        _print_aligned(heads, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in whole:
        table.add_column(head, no_wrap=True)
    table.add_column(last, overflow="fold")
    for row in zip(*columns.values(), strict=True):
        # Text, so that no mail's subject is read as rich's markup.
        table.add_row(*map(Text, row))
    terminal.print(table)
