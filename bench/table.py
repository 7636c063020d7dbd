"""Tables that a person reads: Markdown that is also aligned."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay `rows` of cells out under `columns`: the first to the left, figures to the right."""
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
