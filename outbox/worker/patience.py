"""How long a sender that waits for the answer to its dot stands in the way of the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outbox.worker.parcel import Parcel
    from outbox.worker.tray import Tray

LONG = 10.0
"""Seconds after its dot from which a sender only waits: as long as a handshake may take unremarked."""


class Patience:
    """One sender's wait for the answer to its dot; the tray is told when it is long, and when it is over.

    The answer may take ten minutes (RFC 5321, section 4.5.3.2.6). After an outage, when one sender works at a
    time, one that waits so would keep the others from a relay that is back.
    """

    def __init__(self, tray: Tray) -> None:
        self._tray = tray
        self._parcel: Parcel | None = None
        self._since = 0.0
        # One timer for many mails: setting one for each is a tenth of what a mail costs.
        self._timer: asyncio.TimerHandle | None = None
        self._is_aside = False

    def dotted(self, parcel: Parcel) -> None:
        """Note that the dot of `parcel` goes out now."""
        self._parcel = parcel
        self._since = asyncio.get_running_loop().time()
        if self._timer is None:
            self._look_in(LONG)

    def settled(self, parcel: Parcel) -> None:
        """Note that `parcel` has its verdicts; one that shall ride behind a dot may have them first."""
        if parcel is not self._parcel:
            return
        self._parcel = None
        if self._is_aside:
            self._is_aside = False
            self._tray.step_back()

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._parcel is None:
            return
        left = self._since + LONG - asyncio.get_running_loop().time()
        if left > 0:
            self._look_in(left)
        else:
            self._is_aside = True
            self._tray.step_aside(self._parcel)
