"""What a mail adds to the request that sends it, through us and through what others hand mail over with."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.databases import fresh_database
from bench.missing import MissingError
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[2]
_LIMIT = 300
_OURS = "the outbox, in the transaction"
# Each with the script that measures it, and the package that it needs.
_WAYS = {
    _OURS: ("enqueue_outbox", "outbox"),
    "django-post_office, in the transaction": ("enqueue_post_office", "post_office"),
    "Celery by Redis, behind the commit": ("enqueue_celery", "celery"),
    "Procrastinate, behind the commit": ("enqueue_procrastinate", "procrastinate"),
}


@dataclass(frozen=True, slots=True)
class Handover:
    """p50 and p99 in milliseconds of a transaction with one INSERT, without a mail and with one."""

    plain: tuple[float, float]
    mail: tuple[float, float]

    @property
    def added(self) -> float:
        """What a mail adds to the p50."""
        return self.mail[0] - self.plain[0]


def handovers(kind: str, _mails: int) -> dict[str, Handover]:
    """Let each way work by itself, in a process and a database of its own."""
    lacking = [package for _, package in _WAYS.values() if find_spec(package) is None]
    if lacking:
        raise MissingError(f"{', '.join(lacking)} are missing: pip install 'email-outbox[bench]'.")
    found = {}
    for title, (script, _) in _WAYS.items():
        with fresh_database(kind) as url:
            command = [sys.executable, "-m", f"bench.clients.{script}", url]
            ended = subprocess.run(
                command, cwd=_ROOT, capture_output=True, text=True, timeout=_LIMIT, check=False
            )
        if ended.returncode != 0:
            raise MissingError(f"{title}: {ended.stderr.strip().splitlines()[-1]}")
        found[title] = Handover(**json.loads(ended.stdout.splitlines()[-1]))
    return found


def _ratio(found: dict[str, Handover]) -> float:
    """Return what ours adds, as a part of what the cheapest of the others does."""
    return found[_OURS].added / min(one.added for title, one in found.items() if title != _OURS)


def _rows(found: dict[str, Handover]) -> Iterator[tuple[str, ...]]:
    for title, one in found.items():
        yield title, *(f"{value:.2f}" for value in (*one.plain, *one.mail, one.added))


PEERS = Study(
    "peers",
    "What a mail of 2 KB adds to a transaction with one INSERT, handed over by each, in ms",
    ("postgresql",),
    ("by", "p50 without", "p99 without", "p50 with", "p99 with", "added"),
    handovers,
    _rows,
    (Goal("what a mail adds, x the cheapest of the others", 1, _ratio, upper=True),),
)
