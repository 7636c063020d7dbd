"""The daemon, made to die of itself: `python -m tests.lab.crashing MOMENT`.

`after-claim`: as soon as it has claimed anything. `in-hand`: when a connection begins with a mail that has
POISON in it, as a fault of our own code that ends the process would.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

from outbox.cli import main
from outbox.store.queue import Queue
from outbox.worker.sender import Sender

if TYPE_CHECKING:
    from uuid import UUID

    from outbox.delivery.mail import Mail
    from outbox.store.moves import Claim
    from outbox.worker.parcel import Parcel

POISON = "This mail is poison."


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CrashingQueue(Queue):
    """The queue of a daemon that claims and dies."""

    def claim(self, holder: UUID, limit: int, **wanted: Any) -> list[Claim]:
        """Claim as the queue does."""
        claims = super().claim(holder, limit, **wanted)
        if claims:
            _die()
        return claims


class CrashingSender(Sender):
    """A sender that poison kills."""

    def _mail(self, parcel: Parcel) -> Mail | None:
        if parcel.message is not None and POISON.encode() in parcel.message.mime:
            _die()
        return super()._mail(parcel)


_MOMENTS = {
    "after-claim": ("outbox.worker.loop.Queue", CrashingQueue),
    "in-hand": ("outbox.worker.desk.Sender", CrashingSender),
}


if __name__ == "__main__":
    with mock.patch(*_MOMENTS[sys.argv[1]]):
        main(["run"])
