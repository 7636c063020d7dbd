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


def relay_down(relay: str, wait: float) -> None:
    """Say that nobody sends by a relay for `wait` seconds, as another daemon has found it failing."""
    log(
        logging.WARNING,
        "relay_down",
        "relay %(relay)s is down, as another daemon has met; next try in %(wait).1f s",
        relay=relay,
        wait=wait,
    )


def relay_probed(relay: str) -> None:
    """Say that this daemon tries one mail at a relay that was down; no other one does."""
    log(logging.INFO, "relay_probed", "relay %(relay)s is tried with one mail", relay=relay)


def relay_slowed(relay: str, pace: float) -> None:
    """Say that a relay was believed which said that we are too fast; `pace` is in recipients a second."""
    log(
        logging.WARNING,
        "relay_slowed",
        "relay %(relay)s says that we are too fast: %(pace).3g recipients a second go on, and slowly more",
        relay=relay,
        pace=pace,
    )


def quota_spent(kind: str, name: str, wait: float) -> None:
    """Say that a day's quota of a relay or a stream is used up; `wait` is in seconds."""
    log(
        logging.WARNING,
        "quota_spent",
        "the quota of %(kind)s %(name)s is spent for today: its mail goes on in %(wait).0f s",
        kind=kind,
        name=name,
        wait=wait,
    )


def policy_storm(relay: str, deliveries: int, reason: str) -> None:
    """Say that a relay refuses everything for one reason, so that mail is held instead of failing."""
    log(
        logging.ERROR,
        "policy_storm",
        "relay %(relay)s refuses one mail after the other for the same reason: %(deliveries)d deliveries are "
        "held (policy_storm) instead of failing; look at %(reason)s, then release them",
        relay=relay,
        deliveries=deliveries,
        reason=short(reason),
    )


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
