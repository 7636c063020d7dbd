"""Read the variables of a mail from a file: JSON, or TOML, which has dates and times."""

import json
import tomllib
from pathlib import Path
from typing import Any

from outbox.errors import TemplateError, shown
from outbox.render.parts import Sources

SUFFIXES = (".example.json", ".example.toml")
"""What follows the name of a mail in the name of its example."""


def parsed(source: str, text: str) -> dict[str, Any]:
    """Return the variables that `text` holds: TOML where the name of its source ends so, else JSON.

    Raises TemplateError, which names the source, for anything else.
    """
    try:
        context = tomllib.loads(text) if source.endswith(".toml") else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"context: {source} is broken: {error}. Correct it.") from error
    if not isinstance(context, dict):
        raise TemplateError(
            f'context: {source}: {shown(context)} is no JSON object. Give one like {{"name": "Ada"}}.'
        )
    return context


def read(file: Path) -> dict[str, Any]:
    """Return the variables in `file`; raise TemplateError where it cannot be read, or is broken."""
    try:
        return parsed(str(file), file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TemplateError(f"context: {file}: {error.strerror}. Give a file that can be read.") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"context: {file} is not UTF-8 ({error}). Save it as UTF-8.") from error


def example(sources: Sources) -> dict[str, Any]:
    """Return the variables of the example beside the files of a mail; none where there is no example."""
    file = example_file(sources)
    return read(file) if file else {}


def example_file(sources: Sources) -> Path | None:
    """Return the example beside the files of a mail: of its language, else receipt.example.json."""
    stems = [*(f"{sources.name}.{tag}" for tag in sources.tags), sources.name]
    files = (sources.folder / (stem + suffix) for stem in stems for suffix in SUFFIXES)
    return next((file for file in files if file.is_file()), None)
