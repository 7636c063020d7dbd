"""Enqueue mails that kill whoever takes them in hand: they are held, and the others go on."""

import time
from pathlib import Path
from random import Random

from outbox import OnDoubt
from outbox.mail.status import Status
from tests.lab.closing import is_drained, reconciled
from tests.lab.crashing import POISON
from tests.lab.dying import InHand, launched, undertaker
from tests.lab.oracle import Kill
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import Application, application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

_INNOCENT = 20
_DEATHS = 4
"""Of one poison: among the others of its batch, and three times alone."""


def drive(database: str, *, cycles: int, seed: int, folder: Path, lease_ttl: float = 3) -> Result:
    """Enqueue `cycles` mails of that kind among others, and start daemons until nothing is left to send."""
    began = time.monotonic()
    kills: list[Kill] = []
    with fresh(database, folder) as url, application(url) as app, LedgerSink() as sink:
        shop = Shop(app, Random(seed), lambda: len(sink.entries()))
        for _ in range(cycles):
            shop.trade(_INNOCENT, on_doubt=OnDoubt.RESEND)
            shop.trade(1, on_doubt=OnDoubt.RESEND, to="poison@example.org", text=POISON)
        shop.trade(_INNOCENT, on_doubt=OnDoubt.RESEND)
        with undertaker(url, folder, lease_ttl):
            while not is_drained(app) and len(kills) <= _DEATHS * cycles:
                name = f"run{len(kills)}.example"
                daemon = InHand(url, folder, name, port=sink.port, lease_ttl=lease_ttl)
                kills += _lived(daemon, app)
        account = reconciled(shop, sink, app.engine, folder, kills)
    held = account.ends[Status.HELD]
    failures = [f"{held} mails are held, not {cycles}"] if held != cycles else []
    failures += [f"{len(kills)} daemons died"] if len(kills) > _DEATHS * cycles else []
    figures = (
        f"{cycles} mails that kill, {len(kills)} daemons dead, poison {held}, "
        f"all others sent after {time.monotonic() - began:.0f} s, {account.figures} "
        f"of {sum(account.unrecorded)} dots unrecorded at the deaths"
    )
    return Result("poison", database, seed, figures, (*account.broken, *failures))


def _lived(daemon: InHand, app: Application) -> list[Kill]:
    """Let it live until it dies, and return what it held; or until there is nothing to do any more."""
    with launched(daemon):
        wait_until(lambda: not daemon.is_running() or is_drained(app), "a daemon dies, or all is done", 60)
        return [] if daemon.is_running() else [daemon.examine(app.engine)]
