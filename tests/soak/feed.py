"""An application that commits mail at a steady rate, or as fast as it goes out."""

import math
import threading
import time
from collections.abc import Callable
from typing import Self

from tests.lab.shop import Shop

_PACE = 0.1
"""Seconds between two transactions."""

_LONGEST = 120
"""Mails in one transaction, at most."""

_EACH = 1.6
"""Recipients of a mail of the shop, on average."""

_REGRETTED = 16
"""One in so many transactions is rolled back."""


class Feed:
    """Trades on a thread in a `with` block: `rate` recipients a second, at most `waiting` on their way."""

    def __init__(self, shop: Shop, rate: float, waiting: float, arrived: Callable[[], int]) -> None:
        self._shop = shop
        self._rate = rate
        self._waiting = waiting
        self._arrived = arrived
        self._end = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="feed")

    def _run(self) -> None:
        try:
            self._trade()
        except Exception as error:  # noqa: BLE001 - raised at the end of the block
            self._failure = error

    def _trade(self) -> None:
        began, before, deals = time.monotonic(), len(self._shop.committed), 0
        while not self._end.wait(_PACE):
            committed = len(self._shop.committed)
            room = self._waiting - (committed - self._arrived())
            due = min(self._rate * (time.monotonic() - began) - (committed - before), room)
            if due >= 1:
                deals += 1
                self._shop.trade(min(_LONGEST, math.ceil(due / _EACH)), keep=deals % _REGRETTED != 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
