"""Measure, print what was found, and fail where the floor is missed."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from bench.contestants import CONTESTANTS, GROUPS
from bench.databases import NAMES, title
from bench.drain import sizes
from bench.enqueue import compose_cost, composed_size, enqueue_cost
from bench.machine import facts
from bench.missing import MissingError
from bench.report import Report

_SIZES, _ENQUEUE = "sizes", "enqueue"
_PARTS = (*(contestant.name for contestant in CONTESTANTS), _SIZES, _ENQUEUE)
_TRANSACTIONS = 1_000
_COMPOSED = 5_000


def main() -> int:
    """Measure what the command line asks for; return the exit code: 1 where the floor is missed."""
    options = _parser().parse_args()
    # Ended from outside, it still takes its databases and its processes along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report = Report(options.only, facts())
    for round_ in range(1, options.rounds + 1):
        _race(report, options.only, options.mails, f"round {round_} of {options.rounds}")
    for kind in NAMES:
        _look_inside(report, options.only, kind, options.mails)
    if _ENQUEUE in options.only:
        report.compose, report.size = compose_cost(_COMPOSED), composed_size()
    print(report.as_text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if report.holds else 1


def _race(report: Report, only: frozenset[str], mails: int, round_: str) -> None:
    """Let each way of sending send, one after the other."""
    for contestant in CONTESTANTS:
        if contestant.name not in only:
            continue
        _say(f"{contestant.title}, {round_}")
        try:
            run = contestant.run(contestant.mails(mails))
        except MissingError as error:
            report.lacks(error)
        else:
            report.runs.setdefault(contestant.name, []).append(run)


def _look_inside(report: Report, only: frozenset[str], kind: str, mails: int) -> None:
    """Measure, through one kind of database, what the daemon's transactions hold and what enqueue costs."""
    try:
        if _SIZES in only:
            _say(f"the daemon's transactions, {title(kind)}")
            report.sizes[kind] = sizes(kind, mails)
        if _ENQUEUE in only:
            _say(f"cost of enqueue, {title(kind)}")
            report.enqueue[kind] = enqueue_cost(kind, _TRANSACTIONS)
    except MissingError as error:
        report.lacks(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--mails", type=_count, default=20_000, help="mails in a drain [20000]")
    parser.add_argument("--rounds", type=_count, default=1, help="runs of each; the median is shown [1]")
    parser.add_argument(
        "--only",
        type=_parts,
        default=frozenset(_PARTS),
        metavar="NAME,...",
        help=f"some of: {', '.join((*GROUPS, *_PARTS))}; a floor counts if all that it compares is in",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there too")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is not at least 1")
    return count


def _parts(text: str) -> frozenset[str]:
    parts: set[str] = set()
    for name in text.split(","):
        parts |= {*GROUPS[name].names} if name in GROUPS else {name}
    if unknown := parts - {*_PARTS}:
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is none of {', '.join((*GROUPS, *_PARTS))}")
    return frozenset(parts)


def _say(what: str) -> None:
    print(f"- {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
