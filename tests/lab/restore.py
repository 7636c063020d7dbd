"""Restore the database from a dump of a moment in the middle of a drain, and see that nothing goes twice."""

from contextlib import suppress
from pathlib import Path
from random import Random

from sqlalchemy.exc import DBAPIError

from tests.lab.closing import reconciled, wait_drained
from tests.lab.fleet import fleet
from tests.lab.lapses import LEASE, Lapses, recorded_again
from tests.lab.places import fresh
from tests.lab.result import Result
from tests.lab.shop import Shop
from tests.support import postgres_dump
from tests.support.daemon import application
from tests.support.ledger import LedgerSink

_SLOWNESS = 0.03
"""Seconds that the relay takes for a mail, so that some are always under way."""

_BEFORE, _AFTER = 400, 100
"""Recipients that arrive before a dump, and at a time between it and its restore, at most."""


def drive(database: str, *, cycles: int, seed: int, folder: Path, size: int = 2) -> Result:
    """Restore `cycles` times, the last dump or the one before, under daemons or while they are stopped."""
    random = Random(seed)
    with fresh(database, folder) as url, application(url) as app, LedgerSink(delay=_SLOWNESS) as sink:
        shop = Shop(app, Random(seed), lambda: len(sink.entries()) + len(lapses.gone))
        lapses = Lapses(app, shop, sink, url)
        dumps: list[Path] = []
        codes: list[int] = []
        stopped = 0

        def some_arrive(most: int) -> None:
            sink.wait_entries(len(sink.entries()) + random.randint(1, most))

        with fleet(url, folder, port=sink.port, size=size, lease_ttl=LEASE, journals=folder) as daemons:
            for cycle in range(cycles):
                stops = random.random() < 1 / 2
                # The application does not know that its database goes, either.
                with suppress(DBAPIError), shop:
                    some_arrive(_BEFORE)
                    dumps.append(postgres_dump.dump(url, folder / f"{cycle}.dump"))
                    some_arrive(_AFTER)
                    if random.random() < 1 / 2:
                        codes.append(daemons.replace(daemons.any(random)))
                        some_arrive(_AFTER)
                    lapses.approach()
                    if stops:
                        shop.close()
                        codes += daemons.terminate()
                    postgres_dump.drop(url)
                postgres_dump.restore(url, random.choice(dumps[-2:]))
                lapses.look()
                if stops:
                    stopped += 1
                    daemons.resume()
                lapses.resume(daemons.pids)
            wait_drained(app)
            codes += daemons.terminate()
        account = reconciled(shop, sink, app.engine, folder, forgotten=lapses.forgotten)
    failures = [f"a daemon ended with code {code}" for code in codes if code]
    figures = (
        f"{cycles} restores under {size} daemons, {stopped} of them while these were stopped, "
        f"{lapses.asked} with a person asked, {recorded_again(folder)} recorded again as sent, "
        f"{len(lapses.gone)} gone with the database, {account.figures}"
    )
    return Result("restore", database, seed, figures, (*account.broken, *lapses.broken, *failures))
