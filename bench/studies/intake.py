"""How many mails a second an application hands over, some hundred in a transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.corpus import composed, email, recipient
from bench.databases import NAMES
from bench.shop import shop
from bench.study import Goal, Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import outbox
    from bench.shop import Shop
    from outbox.handover import Fields

_BATCH = 500
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class IntakeRate:
    """Mails a second, made and composed on their way, and handed over ready."""

    made: float
    ready: float


def intake_rate(kind: str, mails: int) -> IntakeRate:
    """Let both go in by turns, each into the table as the others have left it; the best round counts."""
    size = max(_BATCH, mails // 2 // _ROUNDS // _BATCH * _BATCH)
    mime = composed(0)

    def ready(n: int) -> Fields:
        return {"to": recipient(n), "mime": mime}

    with shop(kind) as opened:
        opened.fill(_BATCH)
        rounds = [(_rate(opened, size, email), _rate(opened, size, ready)) for _ in range(_ROUNDS)]
    return IntakeRate(*map(max, zip(*rounds, strict=True)))


def _rate(opened: Shop, mails: int, one: Callable[[int], outbox.Email | Fields]) -> float:
    began = time.perf_counter()
    for first in range(0, mails, _BATCH):
        with opened.engine.begin() as connection:
            opened.enqueue_many(connection, [one(n) for n in range(first, first + _BATCH)])
    return mails / (time.perf_counter() - began)


def _rows(rate: IntakeRate) -> Iterator[tuple[str, ...]]:
    yield f"{rate.made:,.0f}", f"{rate.ready:,.0f}"


INTAKE = Study(
    "intake",
    f"How many mails a second an application hands over, {_BATCH} in a transaction",
    NAMES,
    ("made and composed", "ready"),
    intake_rate,
    _rows,
    (
        Goal(
            "mails made, composed and enqueued a second", 4_000, lambda rate: rate.made, only=("postgresql",)
        ),
        Goal("ready mails enqueued a second", 10_000, lambda rate: rate.ready, only=("postgresql",)),
    ),
)
