"""Do something to many deliveries: a short transaction for each batch, and an end when it is asked for."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outbox.cli.signals import on_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outbox.mail.request import Change

_BREATH = 0.005
"""Seconds between two batches, in which who waits for a lock gets it."""

_AS_NEW = "it is sent again as a new mail"
_PASSED_OVER = "it is passed over: it stands otherwise by now, or was sent again already"


@dataclass(slots=True)
class Tally:
    """What came of it so far: how many of `total` were looked at and done, and what was said how often.

    `signal` is the number of the one that has ended it early, if one has.
    """

    total: int
    seen: int = 0
    done: int = 0
    says: Counter[tuple[bool, str]] = field(default_factory=Counter)
    signal: int | None = None

    def add(self, batch: Sequence[int], changes: Sequence[Change]) -> None:
        """Count a batch that was committed."""
        self.seen += len(batch)
        self.done += sum(change.done for change in changes)
        self.says.update(
            (change.done, _AS_NEW if change.new_message_id else change.says) for change in changes
        )
        if passed_over := len(batch) - len(changes):
            self.says[False, _PASSED_OVER] += passed_over

    def stop(self, number: int) -> None:
        """Note that a signal asks for the end: as all that a handler may do."""
        self.signal = number


def in_batches(
    batches: Iterable[Sequence[int]],
    work: Callable[[Sequence[int]], Sequence[Change]],
    tell: Callable[[Sequence[Change], Tally], None],
    tally: Tally,
) -> None:
    """Give `work` each of these batches of ids, and `tell` what came of it; SIGINT or SIGTERM end it.

    `work` does each batch in a transaction of its own: what is in the tally is done for good.
    """
    with on_signals(tally.stop, signal.SIGINT, signal.SIGTERM):
        for batch in batches:
            if tally.signal is not None:
                return
            changes = work(batch)
            tally.add(batch, changes)
            tell(changes, tally)
            time.sleep(_BREATH)
