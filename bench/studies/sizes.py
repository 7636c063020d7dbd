"""How many deliveries the daemon's own transactions hold: a drain for this alone, which nobody times."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.databases import NAMES
from bench.drain import drain
from bench.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterator


def sizes(kind: str, mails: int) -> dict[str, list[int]]:
    """Drain once more, and return the sizes of all claims and of all batches of verdicts."""
    with tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
        file = Path(folder) / "sizes.json"
        drain(kind, mails, ("-m", "bench.observed", str(file)))
        observed: dict[str, list[int]] = json.loads(file.read_text())
        return observed


def _rows(observed: dict[str, list[int]]) -> Iterator[tuple[str, ...]]:
    for what, sizes in observed.items():
        found = sorted(size for size in sizes if size)
        yield what, str(len(found)), str(found[0]), f"{median(found):.0f}", str(found[-1])


SIZES = Study(
    "sizes",
    "Deliveries in the daemon's transactions",
    NAMES,
    ("transactions", "number", "least", "median", "most"),
    sizes,
    _rows,
)
