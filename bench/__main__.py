"""Measure, print what was found, and fail where the floor is missed."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from bench.contestants import CONTESTANTS, GROUPS
from bench.databases import title
from bench.machine import facts
from bench.missing import MissingError
from bench.questions import STUDIES
from bench.report import Report

_GROUPS = {
    **{name: frozenset(group.names) for name, group in GROUPS.items()},
    **{study.name: frozenset(map(study.part, study.kinds)) for study in STUDIES},
}
_PARTS = frozenset(contestant.name for contestant in CONTESTANTS).union(*_GROUPS.values())


def main() -> int:
    """Measure what the command line asks for; return the exit code: 1 where the floor is missed."""
    options = _parser().parse_args()
    # Ended from outside, it still takes its databases and its processes along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    report = Report(options.only, facts())
    for round_ in range(1, options.rounds + 1):
        _race(report, options.only, options.mails, f"round {round_} of {options.rounds}")
    _study(report, options.only, options.mails)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    print(report.as_text())
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


def _study(report: Report, only: frozenset[str], mails: int) -> None:
    """Ask each question about the queue, once whatever the rounds: some fill millions of rows."""
    for study in STUDIES:
        for kind in study.kinds:
            if study.part(kind) not in only:
                continue
            _say(f"{study.name}, {title(kind)}")
            try:
                report.studies[study.part(kind)] = study.measure(kind, mails)
            except MissingError as error:
                report.lacks(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--mails", type=_count, default=20_000, help="mails in a drain; all sizes follow [20000]"
    )
    parser.add_argument(
        "--rounds", type=_count, default=1, help="runs of each way of sending; the median is shown [1]"
    )
    parser.add_argument(
        "--only",
        type=_parts,
        default=_PARTS,
        metavar="NAME,...",
        help=f"some of: {_names()}; a floor counts if all that it compares is in",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there too")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is not at least 1")
    return count


def _parts(text: str) -> frozenset[str]:
    parts: frozenset[str] = frozenset()
    for name in text.split(","):
        parts |= _GROUPS.get(name, {name})
    if unknown := parts - _PARTS:
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is none of {_names()}")
    return parts


def _names() -> str:
    return ", ".join((*_GROUPS, *sorted(_PARTS)))


def _say(what: str) -> None:
    print(f"- {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
