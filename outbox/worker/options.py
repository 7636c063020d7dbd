"""What the daemon is told once, at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outbox.mail.diversion import Diversion
from outbox.mail.objection import Storm
from outbox.mail.stream import Streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from outbox.delivery.relay import Relay
    from outbox.delivery.retry import RetryPolicy
    from outbox.store.bodies import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The relay and how to work with it; `poll_interval` and `lease_ttl` are seconds.

    With a `relay_name` this daemon serves those of the `streams` that name it, else those that name no relay.
    `sign` returns a message with its signatures; it runs in a thread. In `state_dir` this daemon alone keeps
    its journal, if there is one.
    """

    relay: Relay
    policy: RetryPolicy
    connections: int = 4
    poll_interval: float = 0.5
    lease_ttl: float = 60.0
    relay_name: str | None = None
    streams: Streams = field(default_factory=Streams)
    environment: str | None = None
    storm: Storm = field(default_factory=Storm)
    diversion: Diversion = field(default_factory=Diversion)
    sign: Callable[[Message], Message] | None = None
    state_dir: Path | None = None
