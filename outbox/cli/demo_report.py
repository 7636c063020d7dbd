"""The end of the demo: the status by SQL, the proof, the times, and where to look next."""

from __future__ import annotations

import shlex
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy import select

from outbox.cli.ending import CommandError
from outbox.cli.paper import print_table
from outbox.cli.proof import Arrival, compare, read_caught
from outbox.cli.shop import SCHEDULED, WITH_COPIES
from outbox.errors import counted
from outbox.store.schema import delivery, message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from outbox.cli.demo_folder import DemoFolder
    from outbox.cli.shop import Shop
    from outbox.store.database import Database

_STATUS = (
    "SELECT status, count(*) AS messages, sum(recipients) AS recipients FROM outbox_status GROUP BY status"
)
_COMMITTED = select(
    message.c.id,
    message.c.message_id,
    message.c.created_at,
    delivery.c.recipient,
    delivery.c.due_at,
    delivery.c.finished_at,
).join(delivery, delivery.c.message_id == message.c.id)


@dataclass(frozen=True, slots=True)
class Run:
    """What the shop did: the mails of its committed transactions, how long each took, and the others."""

    wanted: int
    committed: list[UUID] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    rolled_back: list[UUID] = field(default_factory=list)


def report(folder: DemoFolder, database: Database, shop: Shop, run: Run, codes: Mapping[str, int]) -> None:
    """Print what came of it; raise CommandError when anything speaks against "exactly once"."""
    rows = database.read(lambda connection: connection.execute(_COMMITTED).all())
    _print_status(database)
    arrived = read_caught(folder.mails)
    faults = [f"{name} ended with code {code}" for name, code in codes.items() if code]
    faults += _disagreements(rows, shop, run)
    faults += compare((Arrival(row.message_id, row.recipient) for row in rows), arrived).faults
    if faults:
        raise CommandError("\n  - ".join(["The demo has failed:", *faults, f"See {folder.path}."]), 1)
    click.echo(
        f"\nProven from the {len({mail for mail, _ in arrived}):,} mails in {folder.mails}: each of "
        f"{len(rows):,} committed deliveries arrived exactly once,\n"
        f"and none of {len(run.rolled_back)} rolled-back mails did."
    )
    _print_times(rows, run)
    _print_next(folder, run)


def _print_status(database: Database) -> None:
    click.echo(f"\n{_STATUS};\n")
    rows = database.read(lambda connection: connection.exec_driver_sql(_STATUS).all())
    print_table(("status", "messages", "recipients"), [tuple(row) for row in rows])


def _disagreements(rows: Sequence[Any], shop: Shop, run: Run) -> list[str]:
    """Compare the outbox's tables with the shop's own, and with what the shop did."""
    queued = {row.id for row in rows}
    faults = []
    if len(run.committed) < run.wanted:
        faults.append(f"only {len(run.committed)} of {run.wanted} transactions were made in time")
    if not queued == set(run.committed) == set(shop.mails()):
        faults.append("the shop's rows and the outbox's messages are not those of the committed transactions")
    if queued & set(run.rolled_back):
        faults.append("a rolled-back mail stands in the outbox")
    early = [row for row in rows if row.finished_at is not None and row.finished_at < row.due_at]
    if early:
        faults.append(f"sent before their time: {counted(len(early), 'mail')}")
    return faults


def _print_times(rows: Sequence[Any], run: Run) -> None:
    scheduled = run.committed[SCHEDULED]
    prompt = [row for row in rows if row.id != scheduled]
    took = max(row.finished_at for row in prompt) - min(row.created_at for row in prompt)
    (late,) = [row for row in rows if row.id == scheduled]
    waited = (late.finished_at - late.created_at).total_seconds()
    seconds = took.total_seconds()
    click.echo(
        "\nA transaction of the shop, mail included: "
        f"p50 {_ms(run.durations, 50)}, p99 {_ms(run.durations, 99)}."
        f"\nFrom the first commit to the last mail: {seconds:.1f} s, {len(prompt) / seconds:,.0f} a second."
        f"\nThe scheduled mail left {waited:.1f} s after its commit."
    )


def _ms(seconds: Sequence[float], percentile: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[percentile - 1] * 1000:.1f} ms"


def _print_next(folder: DemoFolder, run: Run) -> None:
    command = f"OUTBOX_CONFIG={shlex.quote(str(folder.settings))} {_program()}"
    click.echo(
        "\nLook around:\n"
        f"  {folder.mails}/*.eml  every mail as it arrived; a mail program opens them\n"
        f"  {command} list\n"
        f"  {command} show {run.committed[WITH_COPIES]}  (the one with Cc and Bcc)\n"
        f"  {folder.run_log}  what the daemon said\n"
        "  README.md and docs/  how to put this into your application"
    )


def _program() -> str:
    """Return how the reader calls `outbox`: by name where the shell finds it, else by its path."""
    beside = Path(sys.executable).with_name("outbox")
    if shutil.which("outbox") or not beside.exists():
        return "outbox"
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))
