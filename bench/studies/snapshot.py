"""Wave after wave of mails while somebody's old snapshot keeps every dead row and index entry in place.

A report, a backup or a forgotten session holds one transaction open for hours, and no vacuum may take
what it could still see: each claim then walks over all that was claimed before, unless it knows better.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench.daemon import daemons
from bench.postfix import counting_sink
from bench.shop import shop
from bench.study import Goal, Study
from bench.wave import Wave, wave
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.shop import Shop

_ROUNDS = 20
_HOPELESS = 0.2


def waves_beside_a_snapshot(kind: str, mails: int) -> list[Wave]:
    """Send rounds of `mails` mails through one daemon; give up where one has a fifth of the first's rate."""
    waves: list[Wave] = []
    with (
        shop(kind) as opened,
        counting_sink() as server,
        tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder,
        daemons(1, opened.url, server.port, Path(folder)) as running,
        _snapshot(opened),
    ):
        for _ in range(_ROUNDS):
            waves.append(wave(opened, server, running, mails))
            if waves[-1].rate < _HOPELESS * waves[0].rate:
                break
    return waves


@contextmanager
def _snapshot(opened: Shop) -> Iterator[None]:
    """Hold a transaction open that has read the queue, and prove at the end that it still sees the past."""
    counted = select(func.count()).select_from(delivery)
    with opened.engine.connect().execution_options(isolation_level="REPEATABLE READ") as foreign:
        before = foreign.execute(counted).scalar_one()
        yield
        assert foreign.execute(counted).scalar_one() == before


def _kept(waves: list[Wave]) -> float:
    return waves[-1].rate / waves[0].rate


def _rows(waves: list[Wave]) -> Iterator[tuple[str, ...]]:
    for n, one in enumerate(waves, 1):
        yield str(n), f"{one.mails:,}", f"{one.rate:,.0f}", f"{one.rate / waves[0].rate:.2f}"


SNAPSHOT = Study(
    "snapshot",
    "Rounds of mails while a foreign snapshot is held open",
    ("postgresql",),
    ("round", "mails", "mails/s", "x the first"),
    waves_beside_a_snapshot,
    _rows,
    (Goal("the last round beside a foreign snapshot, as a multiple of the first", 0.8, _kept),),
)
