"""How long an operator waits for a command beside a million finished mails, and what much mail at once locks.

Reading commands are processes of their own, timed from their start to their end. The retry of all that has
failed runs in this process, where each statement and each transaction of it can be timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

from bench.databases import NAMES
from bench.dated import DatedFiller
from bench.life import live, named
from bench.shop import shop
from bench.study import Goal, Study
from outbox.cli import command_line
from outbox.mail.status import Status
from outbox.store.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = 3
_LONGEST = 500.0
_LONGEST_LOCK = 1000.0
_ROOT = str(Path(__file__).resolve().parents[2])
_FAILED = {
    "status": Status.FAILED.value,
    "finished_at": utc_now(),
    "judged_at": utc_now(),
    "attempts": 1,
    "fence": 1,
    "relay": "main",
    "reply_code": 550,
    "reply": "5.7.1 Refused",
}


@dataclass(frozen=True, slots=True)
class Waited:
    """Milliseconds that a command took as a process, start-up included."""

    command: str
    p50: float
    longest: float


@dataclass(frozen=True, slots=True)
class Bulk:
    """A retry of so many: seconds in all, and milliseconds of its longest statement and transaction."""

    mails: int
    seconds: float
    statement: float
    transaction: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured."""

    waited: list[Waited]
    bulk: Bulk


def commands(kind: str, mails: int) -> Found:
    """Measure beside 50 times as many finished mails, and retry 5 times as many that have failed."""
    finished, failed = 50 * mails, 5 * mails
    with shop(kind) as opened:
        filler = DatedFiller(opened.engine, kind, finished)
        live(opened.engine, filler, finished)
        filler.tidy()
        waited = [_timed(opened.url, args) for args in _reading(opened.url, finished)]
        filler.add(failed, _FAILED, "0")
        filler.tidy()
        return Found(waited, _retried(opened.url))


def _reading(url: str, finished: int) -> list[list[str]]:
    names = named(finished)
    waiting = json.loads(_called(url, ["list", "--status", "pending", "--limit", "1", "--json"]))["id"]
    lists = (
        [],
        *(["--status", status.value] for status in Status),
        ["--stream", "bulk"],
        ["--recipient", names["recipient"]],
        ["--recipient", "customer7@mail7.example"],
        ["--tag", f"order={names['order']}"],
        ["--tag", f"campaign={names['campaign']}"],
        ["--since", "2d"],
        ["--until", "30d"],
        ["--text", "order 99"],
        ["--text", "no such words"],
    )
    return [
        *(["list", *options] for options in lists),
        ["show", names["key"]],
        ["why", names["key"]],
        ["why", waiting],
        ["suppressions"],
        ["top", "--once"],
        *([["stats"]] if "stats" in command_line.list_commands(None) else []),  # type: ignore[arg-type] # it asks nothing of it
    ]


def _called(url: str, args: list[str]) -> str:
    told = {**os.environ, "PYTHONPATH": _ROOT, "OUTBOX_DATABASE_URL": url}
    # Who installs it has it compiled: the first call does that for a checkout.
    told.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "outbox", *args]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout


def _timed(url: str, args: list[str]) -> Waited:
    """Call it once to warm the database, and then time it."""
    _called(url, args)
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        _called(url, args)
        times.append((time.perf_counter() - began) * 1000)
    shown = ["ID" if arg == args[-1] and args[0] == "why" else arg for arg in args]
    return Waited(" ".join(shown), median(times), max(times))


def _retried(url: str) -> Bulk:
    with _watched() as watch, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        began = time.perf_counter()
        command_line.main(
            ["retry", "--status", "failed", "--yes", "--database-url", url], standalone_mode=False
        )
        seconds = time.perf_counter() - began
    return Bulk(watch.changed, seconds, watch.statement, watch.transaction)


class _Watch:
    """The longest statement and transaction that lock something, and how many rows were changed."""

    def __init__(self) -> None:
        self.statement = self.transaction = 0.0
        self.changed = 0
        self._asked = self._locked = 0.0

    def ask(self, *_: Any) -> None:
        self._asked = time.perf_counter()

    def hear(self, _connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        now = time.perf_counter()
        if not self._locks(statement):
            return
        self._locked = self._locked or self._asked
        self.statement = max(self.statement, (now - self._asked) * 1000)
        if statement.startswith("UPDATE outbox_delivery"):
            self.changed += cursor.rowcount

    def commit(self, _connection: Any) -> None:
        if self._locked:
            # From the first lock to where the COMMIT goes out: that is one write of the log more.
            self.transaction = max(self.transaction, (time.perf_counter() - self._locked) * 1000)
        self._locked = 0.0

    @staticmethod
    def _locks(statement: str) -> bool:
        return "FOR UPDATE" in statement or statement.startswith(("UPDATE", "INSERT", "BEGIN IMMEDIATE"))


@contextmanager
def _watched() -> Iterator[_Watch]:
    watch = _Watch()
    listeners = (
        ("before_cursor_execute", watch.ask),
        ("after_cursor_execute", watch.hear),
        ("commit", watch.commit),
    )
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield watch
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)


def slowest(found: Found) -> float:
    """Return the p50 of the command that takes longest."""
    return max(each.p50 for each in found.waited)


def longest_lock(found: Found) -> float:
    """Return how long the retry has held a lock at most."""
    return max(found.bulk.statement, found.bulk.transaction)


def _rows(found: Found) -> Iterator[tuple[str, ...]]:
    for each in found.waited:
        yield f"`outbox {each.command}`", f"{each.p50:.0f}", f"{each.longest:.0f}"
    bulk = found.bulk
    what = f"`outbox retry` of {bulk.mails:,} that failed, {bulk.seconds:.0f} s:"
    yield f"{what} its longest statement", "", f"{bulk.statement:.0f}"
    yield f"{what} its longest transaction", "", f"{bulk.transaction:.0f}"


COMMANDS = Study(
    "commands",
    "How long an operator waits for a command beside finished mails, in ms with its start",
    NAMES,
    ("command", "p50", "max"),
    commands,
    _rows,
    (
        Goal("the p50 of the slowest command, in ms", _LONGEST, slowest, upper=True),
        Goal("the longest lock of a retry of much mail, in ms", _LONGEST_LOCK, longest_lock, upper=True),
    ),
)
