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


DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many seconds after its end the body of a mail is kept, and its rows; 0 is for ever."""

    bodies: float = 30 * DAY
    finished: float = 90 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The relays and how to work with them; `poll_interval` and `lease_ttl` are seconds.

    This daemon serves those of the `streams` that name one of its `relays`; those that name none go by the
    first one, if `serves_unnamed`.
    `sign` returns a message with its signatures; it runs in a thread. In `state_dir` this daemon alone keeps
    its journal, if there is one. It deletes what has ended longer ago than it is to `keep` that.
    """

    relays: tuple[Relay, ...]
    policy: RetryPolicy
    poll_interval: float = 0.5
    lease_ttl: float = 60.0
    serves_unnamed: bool = True
    streams: Streams = field(default_factory=Streams)
    environment: str | None = None
    storm: Storm = field(default_factory=Storm)
    diversion: Diversion = field(default_factory=Diversion)
    sign: Callable[[Message], Message] | None = None
    state_dir: Path | None = None
    keep: Keep = field(default_factory=Keep)
