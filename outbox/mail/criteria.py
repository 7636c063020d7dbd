"""What mail must have to be meant by a list of it, or by a request about much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime

    from outbox.mail.status import Status

_MS = 80
"""The bits of a UUIDv7 behind its milliseconds."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is true of a mail and of one of its deliveries; None is not asked about.

    `status` and `recipient`, in each spelling of `recipients`, are of the same delivery. `since` and `until`
    are instants of the message's id, by the clock of who has enqueued it; `until` itself is behind them.
    `text` stands in the subject, in whatever case.
    """

    status: Status | None = None
    stream: str | None = None
    recipients: tuple[str, ...] | None = None
    tag: tuple[str, str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    @property
    def first(self) -> UUID | None:
        """The least id that a message of `since` or later can have."""
        return None if self.since is None else _least(self.since)

    @property
    def end(self) -> UUID | None:
        """The least id that is too late."""
        return None if self.until is None else _least(self.until)


def _least(at: datetime) -> UUID:
    return UUID(int=max(0, int(at.timestamp() * 1000)) << _MS)
