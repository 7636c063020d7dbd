"""Signals that ask a command to end."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def on_signals(act: Callable[[int], object], *numbers: int) -> Iterator[None]:
    """Call `act` with the number of each of these signals that comes; give them back afterwards.

    `act` must not raise, nor take a lock: a handler may run within a finalizer, where Python drops what is
    raised, between the start of a child and the line that remembers it, or within the taking of that lock.
    """
    before = {number: signal.signal(number, lambda came, _frame: act(came)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
