"""The lease of one session: who holds the claims, and until when it may still send what it holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from uuid import UUID, uuid4

BEAT = 1 / 6
"""A session beats every sixth of its TTL: six beats may fail before anybody declares it lost."""

# Only Linux has a second clock for this; on macOS the monotonic one counts suspension already.
_BOOT: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

VALID = 2 / 3
"""It trusts itself for two thirds of the TTL after a good beat: it stops before others begin to rescue."""

UNBROKEN = 3 / 2
"""It declares others lost only after its own beats were unbroken for one and a half TTLs."""


def boot_clock() -> float:
    """Return seconds of a clock that also counts while the machine is suspended."""
    return time.clock_gettime(_BOOT)


@dataclass(slots=True)
class Lease:
    """One session's right to send; written by the heartbeat's thread, read by all others.

    `valid_until` and `unbroken_since` are by `boot_clock`.
    """

    valid_until: float
    unbroken_since: float
    id: UUID = field(default_factory=uuid4)
    lost: bool = False

    def is_valid(self, now: float) -> bool:
        """Tell whether a dot may still go out under this lease."""
        return not self.lost and now < self.valid_until


def lease_of_the_dead(session: UUID) -> Lease:
    """Return the lease of a session whose process is gone, under which only verdicts are written."""
    return Lease(valid_until=0.0, unbroken_since=0.0, id=session, lost=True)
