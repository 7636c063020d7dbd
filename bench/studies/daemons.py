"""One, two and four daemons on one queue: what they send together, and that none sends what another does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.daemon import daemons
from bench.postfix import counting_sink
from bench.shop import shop
from bench.study import Goal, Study
from bench.wave import Wave, wave

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Team:
    """What some daemons sent together."""

    daemons: int
    wave: Wave


def teams(kind: str, mails: int) -> list[Team]:
    """Let each number of daemons send twice as many mails as a drain has."""
    return [Team(number, _sent_by(number, kind, 2 * mails)) for number in _NUMBERS]


def _sent_by(number: int, kind: str, mails: int) -> Wave:
    with (
        shop(kind) as opened,
        counting_sink() as server,
        tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder,
        daemons(number, opened.url, server.port, Path(folder)) as running,
    ):
        return wave(opened, server, running, mails)


def _twice(found: list[Team]) -> float:
    """Count the mails that the server got again; a claim may be given back, and is then claimed again."""
    return sum(team.wave.taken - team.wave.mails for team in found)


def _rows(found: list[Team]) -> Iterator[tuple[str, ...]]:
    for team in found:
        sent = team.wave
        yield (
            str(team.daemons),
            f"{sent.mails:,}",
            f"{sent.rate:,.0f}",
            f"{sent.rate / found[0].wave.rate:.2f}",
            f"{sent.claims - sent.mails:,}",
            f"{sent.taken - sent.mails:,}",
        )


DAEMONS = Study(
    "daemons",
    "Daemons on one queue: deliveries claimed again, and mails that the server got again",
    ("postgresql", "mariadb"),
    ("daemons", "mails", "mails/s", "x one", "claimed again", "got again"),
    teams,
    _rows,
    (Goal("mails that the server got again from several daemons", 0, _twice, upper=True),),
)
