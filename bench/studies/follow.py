"""What a visitor who follows somebody waits for, and what becomes of the mail about it, in each way.

Three trials with the same pages and the same mail server: it takes two seconds for a mail; it is away for a
minute; what serves the pages is killed as soon as it has answered. In each, all ways work beside each other.
"""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.late_relay import Relay
from bench.missing import MissingError
from bench.site import Site, Way, site
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

_SLOW = 2.0
_AWAY = 60.0
_PAGES = 100
# Where each page takes seconds.
_SLOW_PAGES = 10
_FOLLOWS = 20
_KILLS = 5
_PATIENCE = 180.0
"""Seconds after which a mail that has not arrived is lost: three times the outage."""
_PAUSE = 0.5
_NEEDED = ("celery", "flask_mail", "flask_sqlalchemy", "flask_wtf")


@dataclass(frozen=True, slots=True)
class Trial:
    """Milliseconds of the median page; of all follows the pages with an error, mails lost and doubled."""

    page: float
    follows: int
    errors: int
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one way of sending in each trial."""

    slow: Trial
    away: Trial
    killed: Trial


class _Visits:
    """Who has followed by a site, and how their pages were."""

    def __init__(self, opened: Site, trial: str) -> None:
        self.site = opened
        self._trial = trial
        self._pages: list[tuple[float, int]] = []

    def follow(self) -> None:
        """Let somebody new follow."""
        fan = self._fan(len(self._pages))
        self.site.join(fan)
        self._pages.append(self.site.follow(fan))

    def is_told(self, taken: Counter[str]) -> bool:
        """Return whether all mails have arrived, where any are sent."""
        return self.site.way is Way.NOTHING or all(taken[subject] for subject in self._subjects())

    def trial(self, taken: Counter[str]) -> Trial:
        """Return what became of it."""
        copies = [taken[subject] for subject in self._subjects()]
        return Trial(
            median(page for page, _ in self._pages),
            len(self._pages),
            sum(status >= 500 for _, status in self._pages),
            copies.count(0),
            sum(number > 1 for number in copies),
        )

    def _subjects(self) -> list[str]:
        return [f"[microblog] {self._fan(n)} is now following you!" for n in range(len(self._pages))]

    def _fan(self, n: int) -> str:
        return f"{self.site.way.name.lower()}-{self._trial}-{n}"


def follows(kind: str, _mails: int) -> dict[str, Told]:
    """Put all ways through the three trials."""
    lacking = [package for package in _NEEDED if find_spec(package) is None]
    if lacking:
        raise MissingError(f"{', '.join(lacking)} are missing: pip install 'email-outbox[bench,examples]'.")
    trials = [trial(kind) for trial in (_slow, _away, _killed)]
    return {way.value: Told(*(found[way] for found in trials)) for way in Way}


def _slow(kind: str) -> dict[Way, Trial]:
    with _sites(kind, "slow", _SLOW) as (relay, visits):
        relay.start()
        order = random.Random(_PAGES)
        for n in range(_PAGES):
            # What a way does behind its page takes time from the next one, which must not be always the same.
            for each in order.sample(visits, len(visits)):
                if each.site.way is not Way.SYNCHRONOUS or n < _SLOW_PAGES:
                    each.follow()
        return _settled(relay, visits)


def _away(kind: str) -> dict[Way, Trial]:
    with _sites(kind, "away", 0) as (relay, visits):
        back = time.monotonic() + _AWAY
        for _ in range(_FOLLOWS):
            for each in visits:
                each.follow()
        time.sleep(max(0.0, back - time.monotonic()))
        relay.start()
        return _settled(relay, visits)


def _killed(kind: str) -> dict[Way, Trial]:
    with _sites(kind, "killed", _SLOW) as (relay, visits):
        relay.start()
        for _ in range(_KILLS):
            for each in visits:
                each.follow()
                each.site.kill_pages()
                each.site.serve()
        return _settled(relay, visits)


def _settled(relay: Relay, visits: list[_Visits]) -> dict[Way, Trial]:
    """Wait until all that comes has come: all mails, or none for as long as a mail is waited for."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and not all(each.is_told(relay.taken()) for each in visits):
        time.sleep(_PAUSE)
    return {each.site.way: each.trial(relay.taken()) for each in visits}


@contextmanager
def _sites(kind: str, trial: str, seconds: float) -> Iterator[tuple[Relay, list[_Visits]]]:
    """Give a mail server that is not there yet, and all ways at work before it."""
    with tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder, ExitStack() as stack:
        relay = stack.enter_context(Relay(Path(folder), seconds))
        yield (
            relay,
            [
                _Visits(stack.enter_context(site(way, kind, relay.port, Path(folder, way.name))), trial)
                for way in Way
            ],
        )


def _trials(told: Told) -> tuple[Trial, Trial, Trial]:
    return told.slow, told.away, told.killed


def _rows(found: dict[str, Told]) -> Iterator[tuple[str, ...]]:
    for way, told in found.items():
        yield (
            way,
            f"{told.slow.page:,.1f} ms",
            f"{told.away.page:,.1f} ms",
            f"{told.away.errors} of {told.away.follows}",
            *("-" if way == Way.NOTHING else f"{trial.lost} of {trial.follows}" for trial in _trials(told)),
            "-" if way == Way.NOTHING else str(sum(trial.doubled for trial in _trials(told))),
        )


FOLLOW = Study(
    "follow",
    "Following somebody in Microblog, who is told so by mail: the page, and what became of the mail",
    ("postgresql",),
    (
        "sent by",
        "page, server slow",
        "page, server away",
        "pages with an error",
        "lost, slow",
        "lost, away",
        "lost, killed",
        "doubled",
    ),
    follows,
    _rows,
    (
        Goal(
            "ms that the mail adds to the page, server slow",
            2,
            lambda found: found[Way.OUTBOX].slow.page - found[Way.NOTHING].slow.page,
            upper=True,
        ),
        Goal(
            "mails lost or doubled in the three trials",
            0,
            lambda found: sum(trial.lost + trial.doubled for trial in _trials(found[Way.OUTBOX])),
            upper=True,
        ),
    ),
)
