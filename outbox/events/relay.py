"""What a daemon says of its relay."""

from __future__ import annotations

import logging
from typing import Protocol

from outbox.events.record import log, short


class _Fault(Protocol):
    @property
    def reason(self) -> str: ...
    @property
    def stage(self) -> str: ...


def relay_fault(relay: str, fault: _Fault, wait: float) -> None:
    """Say that the relay or the way to it failed, no mail is blamed; `wait` seconds, 0 while others go on."""
    log(
        logging.WARNING,
        "relay_fault",
        "%(reason)s; next try in %(wait).1f s" if wait else "%(reason)s; trying again",
        relay=relay,
        stage=fault.stage,
        reason=short(fault.reason),
        wait=wait,
    )


def relay_slow(relay: str, reason: str) -> None:
    """Say what a relay lets us wait for before any mail; a wrong port or TLS mode is silent, too."""
    log(logging.WARNING, "relay_slow", "%(reason)s", relay=relay, reason=short(reason))


def relay_back(relay: str) -> None:
    """Say that the relay judges mail again."""
    log(logging.INFO, "relay_back", "relay %(relay)s works again", relay=relay)


def rerouted(stream: str, relay: str | None, first: str) -> None:
    """Say by which relay the mail of a stream goes from now on: its first one, another while that is down."""
    if relay == first:
        words = "the mail of stream %(stream)s goes through relay %(relay)s again"
    elif relay is None:
        words = (
            "the mail of stream %(stream)s waits: relay %(first)s is down, and so is every other one it names"
        )
    else:
        words = "the mail of stream %(stream)s goes through relay %(relay)s: relay %(first)s is down"
    level = logging.INFO if relay == first else logging.WARNING
    log(level, "rerouted", words, stream=stream, relay=relay, first=first)


def relay_learnt(relay: str, reason: str) -> None:
    """Say what a relay was seen to bear, or not; it is met more carefully for a day."""
    log(logging.WARNING, "relay_learnt", "relay %(relay)s: %(reason)s", relay=relay, reason=short(reason))
