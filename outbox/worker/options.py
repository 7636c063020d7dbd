"""What the daemon is told once, at its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outbox.delivery.relay import Relay
    from outbox.delivery.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The relay and how to work with it; `poll_interval` and `lease_ttl` are seconds."""

    relay: Relay
    policy: RetryPolicy
    connections: int = 4
    poll_interval: float = 0.5
    lease_ttl: float = 60.0
