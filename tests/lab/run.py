"""Break daemons, databases and connections for long, and reconcile: `python -m tests.lab.run`, `make lab`.

Prints one line a driver and database, with its seed; ends with an error when a promise broke. The logs of a
driver's daemons stay in `build/lab` until its next run.
"""

import argparse
import secrets
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.lab import crash, cut, failover, fill, kill, pause, poison, restart, restore
from tests.lab.places import DATABASES
from tests.lab.result import Result

_FOLDER = Path("build/lab")


@dataclass(frozen=True, slots=True)
class Trial:
    """One driver on one database, and how many cycles it runs when nobody says another number."""

    driver: str
    database: str
    cycles: int
    drive: Callable[..., Result]


# With a lease so long that whoever waited for it would be late for the end of the run.
_WITH_JOURNAL = partial(kill.drive, journal=True, lease_ttl=60)

TRIALS = (
    Trial("kill", "PostgreSQL", 200, kill.drive),
    Trial("kill", "MariaDB", 50, kill.drive),
    Trial("kill", "SQLite", 50, kill.drive),
    Trial("journal", "PostgreSQL", 200, _WITH_JOURNAL),
    Trial("journal", "MariaDB", 50, _WITH_JOURNAL),
    Trial("journal", "SQLite", 50, _WITH_JOURNAL),
    Trial("pause", "PostgreSQL", 5, pause.drive),
    Trial("pause", "MariaDB", 5, pause.drive),
    Trial("crash", "PostgreSQL", 10, crash.drive),
    Trial("crash", "MariaDB", 10, crash.drive),
    Trial("crash", "SQLite", 10, crash.drive),
    Trial("poison", "PostgreSQL", 2, poison.drive),
    Trial("poison", "MariaDB", 2, poison.drive),
    Trial("poison", "SQLite", 2, poison.drive),
    Trial("restart", "PostgreSQL", 20, restart.drive),
    Trial("restart", "MariaDB", 5, restart.drive),
    Trial("cut", "PostgreSQL", 100, cut.drive),
    Trial("cut", "MariaDB", 100, cut.drive),
    Trial("restore", "PostgreSQL", 10, restore.drive),
    Trial("failover", "PostgreSQL", 10, failover.drive),
    Trial("fill", "PostgreSQL", 20, fill.drive),
    Trial("fill", "SQLite", 10, fill.drive),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.run", description=__doc__)
    drivers = sorted({trial.driver for trial in TRIALS})
    parser.add_argument(
        "drivers", nargs="*", metavar="DRIVER", help=f"any of {', '.join(drivers)}; by default all"
    )
    parser.add_argument("--database", choices=DATABASES, help="only on this one")
    parser.add_argument("--cycles", type=int, help="kills, cuts, restarts, crashes and the like")
    parser.add_argument("--seed", type=int, help="a number from an earlier line, to have the same again")
    options = parser.parse_args()
    if unknown := set(options.drivers) - set(drivers):
        parser.error(f"no such driver: {', '.join(sorted(unknown))}")
    return options


def _run(trial: Trial, cycles: int, seed: int) -> Result:
    folder = _FOLDER.resolve() / f"{trial.driver}-{trial.database}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return trial.drive(trial.database, cycles=cycles, seed=seed, folder=folder)
    except pytest.skip.Exception as missing:
        # What could not run proves nothing.
        return Result(trial.driver, trial.database, seed, "not run", (str(missing),))


def main() -> None:
    """Run what was chosen, one after the other, and print a line of each."""
    options = _options()
    chosen = [
        trial
        for trial in TRIALS
        if trial.driver in (options.drivers or {trial.driver})
        and trial.database == (options.database or trial.database)
    ]
    broken = not chosen
    for trial in chosen:
        seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
        result = _run(trial, options.cycles or trial.cycles, seed)
        print(result, flush=True)  # noqa: T201 - what this program is for
        broken = broken or bool(result.broken)
    sys.exit(broken)


if __name__ == "__main__":
    main()
