"""Rehearse a shared rate and an outage at length: `python -m tests.rehearsal.run`, `make rehearsal`.

Two daemons share 50 recipients a second for a minute, on each database; then four daemons on PostgreSQL meet
a relay that is away while 100,000 mails are queued, and fresh mail goes through another. Ends with an error
when a promise broke.
"""

import argparse
import shutil
import sys
from pathlib import Path

from tests.rehearsal.outage import LONGEST_WAIT, Outage, rehearse
from tests.rehearsal.rate import Kept, share_a_rate
from tests.support.daemon import application
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database

_FOLDER = Path("build/rehearsal")
_FRESH = 2.0
"""Seconds that a mail of another stream and relay may wait, for a daemon that looks ten times a second."""


def _rate(name: str, url: str, *, rate: int, seconds: float) -> bool:
    with application(url) as app:
        kept = share_a_rate(app, url, _FOLDER.resolve(), rate=rate, seconds=seconds)
    return _tell(f"{rate}/s shared by two daemons for {seconds:g} s, {name}", kept, _keeps(kept, rate))


def _keeps(kept: Kept, rate: int) -> bool:
    return 0.95 * rate <= kept.rate <= 1.05 * rate and kept.most_in_a_second <= 1.2 * rate


def _outage(url: str, *, mails: int, away: float, rate: int) -> bool:
    with application(url) as app:
        outage = rehearse(app, url, _FOLDER.resolve(), mails=mails, away=away, rate=rate)
    what = f"{mails} mails while the relay is away for {away:g} s, four daemons, {rate}/s"
    return _tell(what, outage, _costs_nothing(outage, rate))


def _costs_nothing(outage: Outage, rate: int) -> bool:
    return (
        outage.attempts_burnt == 0
        and outage.closest >= 1.4
        and outage.noticed <= LONGEST_WAIT
        and outage.after >= 0.9 * rate
        and outage.most_in_a_second <= 1.2 * rate
        and outage.fresh <= _FRESH
    )


def _tell(what: str, found: object, good: bool) -> bool:  # noqa: FBT001 - it is the last word
    print(f"{'kept  ' if good else 'BROKEN'} {what}: {found}", flush=True)  # noqa: T201 - what this is for
    return good


def main() -> None:
    """Run all, and print a line of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.run", description=__doc__)
    parser.add_argument("what", nargs="*", choices=["rate", "outage"], help="by default both")
    parser.add_argument("--seconds", type=float, default=60, help="for which a rate is shared")
    parser.add_argument("--away", type=float, default=600, help="seconds for which the relay is away")
    parser.add_argument("--mails", type=int, default=100_000, help="queued meanwhile")
    parser.add_argument("--rate", type=int, default=200, help="recipients a second after the outage")
    options = parser.parse_args()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    good: list[bool] = []
    if "rate" in (options.what or ["rate"]):
        for name, kind in (("PostgreSQL", POSTGRESQL), ("MariaDB", MYSQL)):
            with fresh_database(kind) as url:
                good.append(_rate(name, url, rate=50, seconds=options.seconds))
        url = f"sqlite:///{_FOLDER.resolve() / 'outbox.sqlite3'}"
        good.append(_rate("SQLite", url, rate=50, seconds=options.seconds))
    if "outage" in (options.what or ["outage"]):
        with fresh_database(POSTGRESQL) as url:
            good.append(_outage(url, mails=options.mails, away=options.away, rate=options.rate))
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
