"""Soak a daemon: `python -m tests.soak.run`, `make soak` (ten minutes; `make soak MINUTES=60` for longer).

It sends at half of what it can, measured before, while each half minute something breaks: the relay, the
database, the disk of its journal, or the daemon stands still. Prints a table, and ends with an error when a
mail is lost, or memory, descriptors or threads have grown. The daemon's log stays in `build/soak`.
"""

import argparse
import secrets
import shutil
import sys
from pathlib import Path

from tests.lab.places import DATABASES
from tests.soak.samples import MB
from tests.soak.soak import Plan, Soaked, soak
from tests.soak.steadiness import allowed, growth
from tests.support.small_disk import unmount_left_over

_FOLDER = Path("build/soak")
_ROWS = 20
_HEAD = " minute   arrived  a second  memory MB  descriptors  threads  faults"


def table(found: Soaked) -> str:
    """Return the run in some twenty lines: what each span of it took, and what went wrong in it."""
    samples = found.samples
    step = max(1, len(samples) // _ROWS)
    lines, since, arrived = [_HEAD], 0.0, 0
    for sample in samples[step - 1 :: step]:
        of_it = [name for at, name in found.happened if since <= at < sample.at]
        rate = (sample.arrived - arrived) / (sample.at - since)
        lines.append(
            f"{sample.at / 60:7.1f} {sample.arrived:9,d} {rate:9.0f} {sample.memory / MB:10.1f}"
            f" {sample.descriptors:12d} {sample.threads:8d}  {', '.join(of_it)}"
        )
        since, arrived = sample.at, sample.arrived
    return "\n".join(line.rstrip() for line in lines)


def summary(found: Soaked) -> str:
    """Return what is judged, a line each."""
    before, after, account = found.before, found.after, found.account
    ends = ", ".join(f"{count} {status}" for status, count in sorted(account.ends.items()))
    return (
        f"full rate {found.full:.0f} recipients a second, run at half of it; {len(found.happened)} faults\n"
        f"memory: {growth(found.samples) / MB:+.1f} MB from the middle third to the last "
        f"(at most {allowed(found.samples) / MB:.1f})\n"
        f"idle before and after: {before.descriptors} and {after.descriptors} descriptors, "
        f"{before.threads} and {after.threads} threads, "
        f"{before.memory / MB:.1f} and {after.memory / MB:.1f} MB\n"
        f"{account.figures}; ends: {ends}"
    )


def main() -> None:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=9, help="of the run; by default %(default)s")
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("--seed", type=int, help="a number from an earlier run, to have its faults again")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    # A run that was killed has left the disk of its journal mounted.
    unmount_left_over(_FOLDER)
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    found = soak(options.database, Plan(options.minutes * 60), seed=seed, folder=_FOLDER.resolve())
    told = [
        f"{options.minutes:g} minutes on {options.database}, seed {seed}",
        table(found),
        summary(found),
        *[f"BROKEN {each}" for each in found.broken[:20]],
    ]
    print("\n".join(told), flush=True)  # noqa: T201 - what this program is for
    sys.exit(bool(found.broken))


if __name__ == "__main__":
    main()
