"""What housekeeping takes from a drain: with and without, by turns, beside a million mails that have ended.

A daemon has begun to erase and to delete before the mails come, and goes on until they are sent. The database
is the same for all rounds, so that each stands beside nearly as much. What may still be sent is as old as
what goes, and must all be there at the end.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, select, update

from bench.daemon import daemon, until
from bench.fill import Filler
from bench.postfix import counting_sink
from bench.shop import shop
from bench.study import Goal, Study
from bench.wave import Wave, wave
from outbox.mail.status import Status
from outbox.store.clock import utc_after, utc_now
from outbox.store.schema import SessionState, delivery, message, meta, session, stat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.postfix import CountingSink
    from bench.shop import Shop

_ROUNDS = 5
_EAGER = ("-m", "bench.eager", "run")
_NEVER = {"keep_bodies": "never", "keep_finished": "never"}
_POLL = 0.1
_START = 60.0
_PARKED = 1_000
_WHEN_ENDED = "-{days} * 86400.0 + 0.001 * n"
_BODY = b"Subject: Receipt\r\n\r\n" + b"Thank you for your order.\r\n" * 20
_LEAST = {"rows": 1_000, "bodies": 1_000}
"""How much must have gone beside each drain on average, or housekeeping was not at work."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The drains of each round, without and with housekeeping; what went, and what should not have."""

    without: tuple[Wave, ...]
    beside: tuple[Wave, ...]
    rows: int
    bodies: int
    wrong: int


def retention(kind: str, mails: int) -> Kept:
    """Drain `mails` beside fifty times as many that have ended, a tenth of them with bodies."""
    with (
        shop(kind) as opened,
        counting_sink() as server,
        tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder,
    ):
        _fill(opened, kind, 50 * mails)
        parked = _count(opened, _UNFINISHED)
        drains: dict[bool, list[Wave]] = {False: [], True: []}
        gone = [0, 0]
        for n in range(_ROUNDS):
            for at_work in (n % 2 == 0, n % 2 != 0):
                own = Path(folder) / f"{n}-{at_work}"
                own.mkdir()
                before = _count(opened, _DELETED), _count(opened, _ERASED)
                drains[at_work].append(_drained(opened, server, own, mails, at_work=at_work))
                now = _count(opened, _DELETED), _count(opened, _ERASED)
                gone = [one + after - was for one, was, after in zip(gone, before, now, strict=True)]
        _refuse_idleness(*gone)
        wrong = parked - _count(opened, _UNFINISHED)
        return Kept(tuple(drains[False]), tuple(drains[True]), gone[0], gone[1], wrong)


_UNFINISHED = select(func.count()).where(delivery.c.status.in_([Status.HELD.value, Status.IN_DOUBT.value]))
_DELETED = select(func.coalesce(func.sum(stat.c.deliveries), 0))
_ERASED = select(func.count()).where(message.c.erased_at.is_not(None))
_RUNNING = select(func.count()).where(session.c.state == SessionState.RUNNING.value)


def _fill(opened: Shop, kind: str, mails: int) -> None:
    filler = Filler(opened.engine, kind)
    ended = {"judged_at": utc_now(), "attempts": 1, "fence": 1, "relay": "relay"}
    # In another state than what is deleted, so that erasing begins with these.
    shares: tuple[tuple[float, Status, int, dict[str, Any]], ...] = (
        (0.9, Status.SENT, 100, {}),
        (0.1, Status.FAILED, 50, {"mime": _BODY}),
    )
    with filler.unindexed():
        for share, state, days, heads in shares:
            at = utc_after(literal_column(f"({_WHEN_ENDED.format(days=days)})"))
            its = ended | {"status": state.value, "finished_at": at}
            filler.add(int(share * mails), its, "0 * n", heads=heads)
        for status in (Status.HELD, Status.IN_DOUBT):
            filler.add(_PARKED, {"status": status.value}, "-8640000 + 0 * n", heads={"mime": _BODY})
    filler.tidy()


def _drained(opened: Shop, server: CountingSink, folder: Path, mails: int, *, at_work: bool) -> Wave:
    """Start a daemon, wait until it is at work on what there is, and let it send `mails` mails more."""
    settings = {} if at_work else _NEVER
    before = _count(opened, _DELETED), _count(opened, _ERASED)
    with opened.engine.begin() as connection:
        # Else the one before has its turn for two minutes more.
        connection.execute(update(meta).values(keeper_until=None))

    def is_at_work() -> bool:
        if not at_work:
            return _count(opened, _RUNNING) == 1
        return _count(opened, _DELETED) > before[0] and _count(opened, _ERASED) > before[1]

    with daemon(opened.url, server.port, folder, _EAGER, **settings) as running:
        until(is_at_work, _POLL, _START, [running], lambda: before)
        return wave(opened, server, [running], mails)


def _refuse_idleness(rows: int, bodies: int) -> None:
    for name, found in (("rows", rows), ("bodies", bodies)):
        if found < _LEAST[name] * _ROUNDS:
            raise RuntimeError(f"housekeeping was not at work: {found} {name} went")


def _count(opened: Shop, statement: Any) -> int:
    with opened.engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


def slowed(found: Kept) -> float:
    """Return what housekeeping takes from the drain rate: the median of the rounds."""
    pairs = zip(found.without, found.beside, strict=True)
    return 1 - median(beside.rate / alone.rate for alone, beside in pairs)


def _rows(found: Kept) -> Iterator[tuple[str, ...]]:
    for n, (alone, beside) in enumerate(zip(found.without, found.beside, strict=True), 1):
        yield _cells(f"{n}", alone.rate, beside.rate)
    rates = [[each.rate for each in drains] for drains in (found.without, found.beside)]
    went = f"median; {found.rows:,} rows and {found.bodies:,} bodies went"
    yield _cells(went, *map(median, rates))


def _cells(name: str, alone: float, beside: float) -> tuple[str, ...]:
    return name, f"{alone:,.0f}", f"{beside:,.0f}", f"{beside / alone:.3f}"


def _wrong(found: Kept) -> float:
    return float(found.wrong)


RETENTION = Study(
    "retention",
    "A drain beside 1,000,000 mails that have ended, without and with housekeeping: mails/s, by turns",
    ("postgresql",),
    ("round", "without", "with", "x without"),
    retention,
    _rows,
    (
        Goal("what housekeeping takes from the drain rate", 0.15, slowed, upper=True),
        Goal("deliveries that it deleted and that had not ended", 0, _wrong, upper=True),
    ),
)
