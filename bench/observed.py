"""The daemon, with its claims and records counted: `python -m bench.observed FILE`.

Not what is timed: it runs once more for this alone. FILE gets, as JSON, the sizes of all claims and of all
batches of verdicts, in their order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from outbox.cli import main
from outbox.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from outbox.mail.status import Settlement
    from outbox.store.moves import Claim
    from outbox.store.verdicts import Recorded

_CLAIMS: list[int] = []
_RECORDS: list[int] = []


class ObservedQueue(Queue):
    """The queue, with the size of each claim and of each batch of verdicts written down."""

    def claim(self, holder: UUID, limit: int, **wanted: Any) -> list[Claim]:
        """Claim as the queue does."""
        claims = super().claim(holder, limit, **wanted)
        _CLAIMS.append(len(claims))
        return claims

    def record(
        self, holder: UUID, settlements: Iterable[Settlement], *, doubt_pause: float, again: bool = False
    ) -> Recorded:
        """Record as the queue does."""
        batch = list(settlements)
        _RECORDS.append(len(batch))
        return super().record(holder, batch, doubt_pause=doubt_pause, again=again)


if __name__ == "__main__":
    try:
        with mock.patch("outbox.worker.loop.Queue", ObservedQueue):
            main(["run"])
    finally:
        Path(sys.argv[1]).write_text(json.dumps({"claims": _CLAIMS, "records": _RECORDS}))
