"""Decide which log records become a mail of their own, and which are only counted for a digest.

Without clock or I/O. There is one window of time for all records: it begins with the first one, and when it
ends what was counted in it becomes one mail. So the mails of a storm are bounded however many records, and
kinds of them, there are.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Sequence

_MOST_KINDS = 1_000
"""Kinds that are told apart in a window; what is of yet another kind is counted together."""

_SHOWN = 20
_SAMPLE = 4_000
_TEMPLATE = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes records alike: logger, level, message template, type and place of an exception, place."""

    logger: str
    level: str
    template: str
    exception: str
    place: str

    @classmethod
    def of(cls, record: logging.LogRecord) -> Kind:
        """Return the kind of a record; its arguments are no part of it."""
        error = record.exc_info[1] if record.exc_info else None
        # A message may be any object; one that was formatted beforehand may be long.
        template = str(record.msg)[:_TEMPLATE]
        place = f"{record.pathname}:{record.lineno}"
        return cls(record.name, record.levelname, template, "" if error is None else _raised(error), place)

    def __str__(self) -> str:
        # Without the template: only the handler's formatter says what of a message may be mailed.
        raised = f", {self.exception}" if self.exception else ""
        return f"{self.level} of {self.logger} at {self.place}{raised}"


_OTHER = Kind("other loggers", "records", "", "", "other places")


def _raised(error: BaseException) -> str:
    """Return the type and the innermost place: a framework logs all that it catches at one place."""
    kind = type(error)
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    place = f" at {innermost.tb_frame.f_code.co_filename}:{innermost.tb_lineno}" if innermost else ""
    return f"{kind.__module__}.{kind.__qualname__}{place}"


@dataclass(slots=True)
class Tally:
    """How many records of a kind got no mail of their own: when, in seconds since 1970, and one of them."""

    kind: Kind
    count: int
    first: float
    last: float
    sample: str


class Window:
    """The records of `seconds`: `alike` of a kind get a mail each, but no more than `most` mails in all.

    One of these is the digest's. Times are those of any clock that goes on evenly, in seconds.
    """

    def __init__(self, *, alike: int, most: int, seconds: float) -> None:
        self._alike = alike
        self._most = most
        self._seconds = seconds
        self._ends: float | None = None
        self._own: Counter[Kind] = Counter()
        self._mails = 0
        self._tallies: dict[Kind, Tally] = {}

    @property
    def ends(self) -> float | None:
        """When a digest is due; None if nothing is counted."""
        return self._ends if self._tallies else None

    def admits(self, kind: Kind, now: float, *, room: bool = True) -> bool:
        """Tell whether a record gets a mail of its own, which is then used up; none does without `room`."""
        if self._ends is None or (now >= self._ends and not self._tallies):
            self._begin(now + self._seconds)
        if not room or self._own[kind] >= self._alike or not self._has_one_to_spare():
            return False
        self._own[kind] += 1
        self._mails += 1
        return True

    def count(self, kind: Kind, created: float, sample: Callable[[], str]) -> None:
        """Count a record for the digest; `created` is its time since 1970, `sample` is called once a kind."""
        if kind not in self._tallies and len(self._tallies) >= _MOST_KINDS:
            kind = _OTHER
        tally = self._tallies.get(kind)
        if tally is None:
            self._tallies[kind] = Tally(kind, 1, created, created, sample()[:_SAMPLE])
        else:
            tally.count += 1
            tally.last = max(tally.last, created)

    def digest(self, now: float) -> list[Tally]:
        """Return what the window has counted, if it has ended; then the next record begins a new one."""
        if self._ends is None or now < self._ends:
            return []
        return self.early_digest(always=True)

    def early_digest(self, *, always: bool) -> list[Tally]:
        """Return what is counted so far; nothing if that would use up the last mail, unless `always`."""
        if not self._tallies or not (always or self._has_one_to_spare()):
            return []
        self._mails += 1
        tallies = list(self._tallies.values())
        self._tallies.clear()
        return tallies

    def _has_one_to_spare(self) -> bool:
        # The last is for the digest at the window's end.
        return self._mails < self._most - 1

    def _begin(self, ends: float) -> None:
        self._ends = ends
        self._own.clear()
        self._mails = 0


def total(tallies: Sequence[Tally]) -> int:
    """Return how many records were counted."""
    return sum(tally.count for tally in tallies)


def written(tallies: Sequence[Tally]) -> str:
    """Return the text of a digest: the commonest kinds with a sample each, then how many more there are."""
    ranked = sorted(tallies, key=lambda tally: -tally.count)
    parts = [f"{total(tallies)} records got no mail of their own.", *map(_part, ranked[:_SHOWN])]
    if more := ranked[_SHOWN:]:
        parts.append(f"And {total(more)} records of {len(more)} more kinds.")
    return "\n\n".join(parts)


def _part(tally: Tally) -> str:
    first, last = (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) for at in (tally.first, tally.last))
    times = f"{tally.count} times" if tally.count > 1 else "once"
    when = f"from {first} to {last} UTC" if tally.count > 1 else f"at {first} UTC"
    return f"--- {tally.kind}: {times}, {when}. One of them:\n\n{tally.sample}"
