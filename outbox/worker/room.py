"""How many deliveries the desk of one relay may claim now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.delivery.breaker import Breaker
    from outbox.worker.allowance import Allowance
    from outbox.worker.pace import Pace
    from outbox.worker.supply import Supply
    from outbox.worker.tray import Tray


class Room:
    """The room of one relay, by what is in hand for it, its limits and its breaker.

    `width` tells how many senders may work at once.
    """

    def __init__(
        self,
        width: Callable[[], int],
        breaker: Breaker,
        pace: Pace,
        allowance: Allowance,
        supply: Supply,
        tray: Tray,
    ) -> None:
        self._width = width
        self._breaker = breaker
        self._pace = pace
        self._allowance = allowance
        self._supply = supply
        self._tray = tray

    def now(self, now: float) -> int:
        """Return how many deliveries to claim: none while nothing may be sent, or enough is in hand."""
        if not self._width():
            return 0
        if self._breaker.is_open:
            return self.of_probe()
        size = self._pace.claim_size(now)
        return self._limited(size) if self._supply.has_room(size) else 0

    def of_probe(self) -> int:
        """Return one mail, when there is none in hand that could be the probe, now or with its token."""
        waits = self._allowance.limits and self._tray.ready
        return self._limited(0 if self._tray.busy or self._supply.waiting or waits else 1)

    def of_stream(self, stream: str) -> int | None:
        """Return how many of a stream to claim; None: any number. On whichever thread."""
        return self._allowance.room(stream, self._held(stream))

    def has_for(self, stream: str) -> bool:
        """Tell whether the limits have room for one that another desk has claimed.

        Twice as much as usual may be in hand then: beside a desk that fills its own share there would be
        room for it by chance only.
        """
        rooms = (
            self._allowance.relay_room(self._held() // 2),
            self._allowance.room(stream, self._held(stream) // 2),
        )
        return 0 not in rooms

    def _limited(self, size: int) -> int:
        """Return how much of `size` the relay's limit has room for."""
        room = self._allowance.relay_room(self._held())
        return size if room is None else min(size, room)

    def _held(self, stream: str | None = None) -> int:
        return self._supply.held(stream) if self._allowance.limits else 0
