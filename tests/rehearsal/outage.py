"""A relay is away while mail is queued for it, and comes back: what that cost, by the relay's own clock."""

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from tests.rehearsal.rate import daemons
from tests.support.daemon import Application
from tests.support.timed_relay import TimedRelay
from tests.support.waiting import wait_until

LONGEST_WAIT = 50.0
"""Seconds between two tries of a relay that is away, at most (outbox/delivery/breaker.py)."""

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Outage:
    """What an outage cost.

    `probes` are the connections of the outage but for those that opened the breaker, and `closest` the
    seconds between two of them; `noticed` is the seconds from the relay's return to the first mail, and
    `after` the recipients a second of the best ten seconds within a minute of it.
    """

    attempts_burnt: int
    probes: int
    closest: float
    noticed: float
    after: float
    most_in_a_second: int


def rehearse(
    app: Application,
    url: str,
    folder: Path,
    *,
    mails: int,
    away: float,
    rate: int,
    count: int = 4,
    connections: int = 4,
) -> Outage:
    """Queue `mails` while the relay is away for so many seconds, and see it come back."""
    with (
        TimedRelay() as relay,
        daemons(count, url, folder, port=relay.port, smtp_rate=f"{rate}/s", connections=connections),
    ):
        app.enqueue(count * connections, tag="before")
        app.wait_sent(count * connections)
        relay.away = True
        went = time.monotonic()
        app.enqueue(mails, tag="during")
        wait_until(lambda: time.monotonic() - went >= away, "the outage is over", away + 60)
        burnt = app.scalar("SELECT count(*) FROM outbox_delivery WHERE attempts > 0 AND status <> 'sent'")
        attempts = app.scalar("SELECT count(*) FROM outbox_attempt")
        tries = [at for at in list(relay.connections) if at > went]
        before = len(relay.arrivals)
        relay.away = False
        back = time.monotonic()
        wait_until(lambda: len(relay.arrivals) > before, "the relay is noticed", LONGEST_WAIT + 30)
        noticed = relay.arrivals[before].at - back
        wait_until(
            lambda: time.monotonic() - back >= MINUTE or _is_empty(app), "a minute is over", MINUTE + 30
        )
        spans = relay.counts(back, time.monotonic(), 10.0) or [len(relay.arrivals) - before]
        probes = _probes(tries)
        return Outage(
            int(str(burnt)) + int(str(attempts)),
            len(probes),
            min((later - at for at, later in itertools.pairwise(probes)), default=float("inf")),
            noticed,
            max(spans) / 10.0,
            relay.most_in_a_second(),
        )


def _is_empty(app: Application) -> bool:
    with app.engine.connect() as connection:
        waiting = text("SELECT 1 FROM outbox_delivery WHERE status IN ('pending', 'sending') LIMIT 1")
        return connection.execute(waiting).first() is None


def _probes(tries: list[float]) -> list[float]:
    """Return the tries once the breaker is open in each daemon: those of the first two seconds are before."""
    return [at for at in tries if tries and at > tries[0] + 2.0]
