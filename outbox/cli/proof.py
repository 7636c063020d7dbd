"""Compare what was committed with what arrived: each mail for each recipient exactly once, and no other."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CAUGHT = re.compile(r"\d{8}T\d{6}\.\d{6}-\d{6,}\.eml")
"""The names of `outbox catch` for its files."""

_SHOWN = 3


class Arrival(NamedTuple):
    """One mail for one envelope recipient."""

    message_id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What speaks against "exactly once": nothing, when all three are empty."""

    lost: tuple[Arrival, ...]
    doubled: tuple[Arrival, ...]
    ghosts: tuple[Arrival, ...]

    @property
    def faults(self) -> list[str]:
        """One sentence a kind of fault, with a few examples."""
        kinds = {
            "committed and never arrived": self.lost,
            "arrived more often than committed": self.doubled,
            "arrived and was never committed": self.ghosts,
        }
        return [f"{len(found)} {kind}: {_examples(found)}" for kind, found in kinds.items() if found]


def compare(committed: Iterable[Arrival], arrived: Iterable[Arrival]) -> Comparison:
    """Compare the two as multisets."""
    wanted, found = Counter(committed), Counter(arrived)
    surplus = found - wanted
    return Comparison(
        lost=tuple((wanted - found).elements()),
        doubled=tuple(arrival for arrival in surplus.elements() if arrival in wanted),
        ghosts=tuple(arrival for arrival in surplus.elements() if arrival not in wanted),
    )


def read_caught(folder: Path) -> list[Arrival]:
    """Return what `outbox catch --dir` has written, one a recipient of each mail's envelope."""
    parser = BytesHeaderParser()
    arrivals = []
    for path in sorted(path for path in folder.iterdir() if CAUGHT.fullmatch(path.name)):
        with path.open("rb") as file:
            headers = parser.parse(file)
        message_id = str(headers.get("Message-ID", "")).strip()
        recipients = (str(value).strip()[1:-1] for value in headers.get_all("X-Envelope-To", []))
        arrivals += [Arrival(message_id, recipient) for recipient in recipients]
    return arrivals


def _examples(found: tuple[Arrival, ...]) -> str:
    shown = ", ".join(f"{message_id} for {recipient}" for message_id, recipient in found[:_SHOWN])
    return shown + (", …" if len(found) > _SHOWN else "")
