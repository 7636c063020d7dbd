"""Read what a command is handed: standard input, or a file of variables."""

import sys
from pathlib import Path
from typing import Any

import click

from outbox.render import contexts


def stdin() -> str:
    """Return standard input as text; raise UsageError where it is no UTF-8."""
    try:
        # As bytes: the terminal's encoding has no say in what a pipe carries.
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"Standard input is not UTF-8: {error}.") from error


def variables(file: str) -> dict[str, Any]:
    """Return the variables in a file of JSON or TOML, or those that `-`, standard input, has as JSON."""
    return contexts.parsed("standard input", stdin()) if file == "-" else contexts.read(Path(file))
