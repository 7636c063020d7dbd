"""`outbox demo`: the main job on real parts, with a proof at the end.

An application commits mails to a SQLite outbox, the real daemon sends them, `outbox catch` takes them, and
what arrived is compared with what was committed.
"""

from __future__ import annotations

import importlib
import re
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from sqlalchemy import create_engine

from outbox.cli.child import Child
from outbox.cli.demo_folder import DemoFolder
from outbox.cli.demo_report import Run, report
from outbox.cli.ending import CommandError
from outbox.cli.progress import progress
from outbox.cli.shop import EXTRA_RECIPIENTS, Shop
from outbox.cli.signals import on_signals
from outbox.errors import EX_UNAVAILABLE
from outbox.store.database import Database
from outbox.store.dialects.sqlite import prepare_sqlite
from outbox.store.migration import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

T = TypeVar("T")

_ROLLED_BACK = 10
_DEADLINE = 45.0
_SLOWEST = 0.01
_START = 15.0
_LOOK = 0.1
_LISTENING = re.compile(r"127\.0\.0\.1:(\d+);")
_SESSIONS = "SELECT count(*) FROM outbox_session"
_SENT = "SELECT count(*) FROM outbox_delivery WHERE status = 'sent'"


@click.command()
@click.option(
    "--dir",
    "path",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="The folder to work in; what an earlier demo left there is replaced.",
)
@click.option("--mails", type=click.IntRange(10, 100_000), default=1000, show_default=True)
def demo(path: Path, mails: int) -> None:
    """Send 1,000 mails to a local catcher, and prove that each arrived once."""
    try:
        importlib.import_module("aiosmtpd.smtp")
    except ModuleNotFoundError as error:
        raise CommandError(
            f"`outbox demo` needs {error.name}, which is not installed. "
            "Run: pip install 'email-outbox[catch]'",
            EX_UNAVAILABLE,
        ) from error
    folder = DemoFolder(path)
    signals: list[int] = []
    ends = on_signals(signals.append, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with ends, folder.claimed():
        engine = create_engine(folder.database_url)
        prepare_sqlite(engine)
        onlooker = Database(folder.database_url)
        try:
            _play(folder, engine, onlooker, mails, signals)
        finally:
            engine.dispose()
            onlooker.close()


def _play(folder: DemoFolder, engine: Engine, onlooker: Database, mails: int, signals: Sequence[int]) -> None:
    click.echo(f"1. A SQLite outbox: {folder.path / 'demo.sqlite3'}")
    migrate(engine)
    shop = Shop(engine)
    with ExitStack() as children:
        catcher = children.enter_context(
            Child(["catch", "--port", "0", "--dir", str(folder.mails)], folder.catch_log, {})
        )
        port = int(_when(lambda: _port(catcher), catcher, signals))
        click.echo(f"2. `outbox catch` takes mail on 127.0.0.1:{port} and keeps it in {folder.mails}")
        folder.write_settings(port)
        settings = {"OUTBOX_CONFIG": str(folder.settings)}
        daemon = children.enter_context(Child(["run"], folder.run_log, settings))
        _when(lambda: _count(onlooker, _SESSIONS), daemon, signals)
        click.echo(f"3. `outbox run` sends what is committed; its log is {folder.run_log}")
        click.echo(f"4. A shop commits {mails:,} mails with its own rows, and rolls {_ROLLED_BACK} back")
        run = _serve(shop, onlooker, mails, (catcher, daemon), signals)
        codes = {child.name: child.stop() for child in (daemon, catcher)}
    report(folder, onlooker, shop, run, codes)


def _serve(
    shop: Shop, onlooker: Database, mails: int, children: Sequence[Child], signals: Sequence[int]
) -> Run:
    """Serve all customers, and wait until the daemon has sent every mail, or can no more."""
    run = Run(mails)
    deliveries = mails + EXTRA_RECIPIENTS
    fails = {mails * n // _ROLLED_BACK for n in range(_ROLLED_BACK)}
    deadline = time.monotonic() + _DEADLINE + mails * _SLOWEST
    with progress({"committed": mails, "sent": deliveries}) as show:
        looked = 0.0
        sent = 0
        while sent < deliveries and time.monotonic() < deadline:
            number = len(run.committed)
            if number in fails:
                fails.remove(number)
                run.rolled_back.append(shop.fail(number))
            if number < mails:
                before = time.perf_counter()
                run.committed.append(shop.serve(number))
                run.durations.append(time.perf_counter() - before)
            else:
                time.sleep(_LOOK)
            if time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                _check(signals, *children)
                sent = _count(onlooker, _SENT)
                show({"committed": len(run.committed), "sent": sent})
    return run


def _count(onlooker: Database, statement: str) -> int:
    return onlooker.read(lambda connection: int(connection.exec_driver_sql(statement).scalar_one()))


def _when(look: Callable[[], T | None], child: Child, signals: Sequence[int]) -> T:
    """Return what `look` finds, once it finds something; `child` must bring it about."""
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        _check(signals, child)
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise CommandError(f"{child.name} did not start within {_START:g} s; see {child.log}", 1)


def _port(catcher: Child) -> str | None:
    said = _LISTENING.search(catcher.log.read_text("utf-8", "replace"))
    return said and said[1]


def _check(signals: Sequence[int], *children: Child) -> None:
    """End the demo when a signal has come, or when a child has ended unasked."""
    if signals:
        # Before the children: Ctrl-C reaches them, too, and then they end because of it.
        raise SystemExit(128 + signals[0])
    for child in children:
        child.check()
