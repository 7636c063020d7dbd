"""Crash daemons right after they have claimed: such a crash says nothing against a mail."""

from pathlib import Path
from random import Random

from outbox import OnDoubt
from outbox.mail.status import Status
from tests.lab.closing import reconciled, wait_drained
from tests.lab.dying import AfterClaim, launched, undertaker
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.waiting import wait_until

_MAILS = 5


def drive(database: str, *, cycles: int, seed: int, folder: Path, lease_ttl: float = 3) -> Result:
    """Crash `cycles` times, with mails that crashed daemons held before among the claims; then send all."""
    kills = []
    with fresh(database, folder) as url, application(url) as app, LedgerSink() as sink:
        shop = Shop(app, Random(seed), lambda: len(sink.entries()))
        with undertaker(url, folder, lease_ttl):
            # The oldest: each daemon that looks for rescued mail meets this one first.
            shop.trade(1, on_doubt=OnDoubt.RESEND)
            for n in range(cycles):
                shop.trade(_MAILS, on_doubt=OnDoubt.RESEND)
                daemon = AfterClaim(url, folder, f"run{n}.example", port=sink.port, lease_ttl=lease_ttl)
                with launched(daemon):
                    kills.append(daemon.examine(app.engine))
                wait_until(lambda: not app.counts()[Status.SENDING], "what it held is rescued")
        claimed = app.scalar("SELECT max(fence) FROM outbox_delivery")
        counted = app.scalar("SELECT max(rescues) FROM outbox_delivery")
        with RunningDaemon(url, folder, port=sink.port) as last:
            wait_drained(app)
            code = last.terminate()
        account = reconciled(shop, sink, app.engine, folder, kills)
    failures = [f"the last daemon ended with code {code}"] if code else []
    # After the first, a mail is rescued as one whose sending had not begun.
    failures += [f"{counted} crashes are counted against a mail"] if counted != 1 else []
    figures = (
        f"{cycles} crashes right after a claim, up to {claimed} claims of one mail, "
        f"held {account.ends[Status.HELD]}, {account.figures}"
    )
    return Result("crash", database, seed, figures, (*account.broken, *failures))
