"""A relay is away while mail is queued for it, and comes back: what that cost, by the relay's own clock."""

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from tests.rehearsal.fresh import fresh_mail, p99
from tests.rehearsal.rate import daemons
from tests.support.daemon import Application
from tests.support.timed_relay import TimedRelay
from tests.support.waiting import wait_until

LONGEST_WAIT = 50.0
"""Seconds between two tries of a relay that is away, at most (outbox/delivery/breaker.py)."""

MINUTE = 60.0
_SENT_BEFORE = "SELECT count(*) FROM outbox_delivery WHERE status = 'sent' AND stream = 'default'"
_STREAMS = {"default": {"relay": "main"}, "fresh": {"relay": "other"}}
# A daemon of several relays has none of these.
_NO_RELAY = dict.fromkeys(("smtp_host", "smtp_port", "smtp_tls"), "")


@dataclass(frozen=True, slots=True)
class Outage:
    """What an outage cost.

    `probes` are the connections of the outage but for those that opened the breaker, and `closest` the
    seconds between two of them; `noticed` is the seconds from the relay's return to the first mail, and
    `after` the recipients a second of the best ten seconds within a minute of it. `fresh` is the seconds
    that one in a hundred of another stream's mails waited for its own relay, meanwhile.
    """

    attempts_burnt: int
    probes: int
    closest: float
    noticed: float
    after: float
    most_in_a_second: int
    fresh: float


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
        TimedRelay() as other,
        daemons(count, url, folder, port=0, **_settings(relay, other, rate, connections)),
        fresh_mail(app, other, "fresh") as fresh,
    ):
        app.enqueue(count * connections, tag="before")
        wait_until(lambda: app.scalar(_SENT_BEFORE) == count * connections, "all connections are open")
        relay.away = True
        went = time.monotonic()
        app.enqueue(mails, tag="during")
        wait_until(lambda: time.monotonic() - went >= away, "the outage is over", away + 60)
        burnt = app.scalar(
            "SELECT count(*) FROM outbox_delivery"
            " WHERE attempts > 0 AND status <> 'sent' AND stream = 'default'"
        )
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
        fresh.end()
        return Outage(
            int(str(burnt)) + int(str(attempts)),
            len(probes),
            min((later - at for at, later in itertools.pairwise(probes)), default=float("inf")),
            noticed,
            max(spans) / 10.0,
            relay.most_in_a_second(),
            p99(fresh.waits()),
        )


def _settings(relay: TimedRelay, other: TimedRelay, rate: int, connections: int) -> dict[str, object]:
    relays = {
        "main": {"url": f"smtp://127.0.0.1:{relay.port}", "rate": f"{rate}/s"},
        "other": {"url": f"smtp://127.0.0.1:{other.port}"},
    }
    given = {"relays": json.dumps(relays), "streams": json.dumps(_STREAMS), "connections": connections}
    return _NO_RELAY | given


def _is_empty(app: Application) -> bool:
    with app.engine.connect() as connection:
        waiting = text("SELECT 1 FROM outbox_delivery WHERE status IN ('pending', 'sending') LIMIT 1")
        return connection.execute(waiting).first() is None


def _probes(tries: list[float]) -> list[float]:
    """Return the tries once the breaker is open in each daemon: those of the first two seconds are before."""
    return [at for at in tries if tries and at > tries[0] + 2.0]
