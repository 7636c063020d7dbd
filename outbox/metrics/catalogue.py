"""Every metric that the daemon exports: its name, type, labels and meaning. docs/observing.md has the same.

No label ever holds an address, a subject or the name of a stream that no setting names: strangers would
choose those, and there may be any number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a metric, in Prometheus's words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, as it is asked for; `what` it is, in one sentence."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    what: str


OLDEST_DUE_AGE = Metric(
    "outbox_oldest_due_age_seconds",
    Kind.GAUGE,
    (),
    "For how long the oldest delivery that is pending or being sent has been due.",
)
STREAM_OLDEST_DUE_AGE = Metric(
    "outbox_stream_oldest_due_age_seconds",
    Kind.GAUGE,
    ("stream",),
    "The same of each stream that the settings name, and of all others together (other).",
)
DELIVERIES = Metric(
    "outbox_deliveries",
    Kind.GAUGE,
    ("status",),
    "Unfinished deliveries in the database: pending, sending, held or in_doubt.",
)
DATABASE_UP = Metric(
    "outbox_database_up",
    Kind.GAUGE,
    (),
    "Whether the database answers (1 or 0); while it does not, what is read from it is left out.",
)
SENT = Metric(
    "outbox_sent_total", Kind.COUNTER, ("relay",), "Deliveries that a relay took, by this daemon's record."
)
FAILED = Metric(
    "outbox_failed_total",
    Kind.COUNTER,
    ("relay", "code_class"),
    "Deliveries that failed for good, by the relay's reply: 5xx, 4xx (given up), or none (ours).",
)
DEFERRED = Metric(
    "outbox_deferred_total",
    Kind.COUNTER,
    ("relay", "code_class"),
    "Verdicts after which a delivery is tried again later.",
)
DOUBTS = Metric(
    "outbox_doubts_total",
    Kind.COUNTER,
    ("relay",),
    "Sendings of which nobody knows whether the relay has the mail.",
)
RELAY_FAULTS = Metric(
    "outbox_relay_faults_total",
    Kind.COUNTER,
    ("relay",),
    "Faults of the relay or the way to it, for which no mail is blamed.",
)
SEND_SECONDS = Metric(
    "outbox_send_seconds",
    Kind.HISTOGRAM,
    ("relay",),
    "From the moment a connection takes a mail until the relay has judged it.",
)
QUEUE_SECONDS = Metric(
    "outbox_queue_seconds",
    Kind.HISTOGRAM,
    ("relay",),
    "From the moment a delivery is due until a connection takes it.",
)
CONNECTIONS = Metric(
    "outbox_connections",
    Kind.GAUGE,
    ("relay", "state"),
    "Connections to the relay: connecting, sending or idle.",
)
BREAKER_OPEN = Metric(
    "outbox_breaker_open",
    Kind.GAUGE,
    ("relay",),
    "Whether the relay counts as down (1 or 0), and only one mail at a time tries it.",
)
PAUSED = Metric(
    "outbox_paused",
    Kind.GAUGE,
    ("kind",),
    "What people have paused: all (1 or 0), how many relays and streams (relay, stream); and whether mail "
    "waits since the database went back in time (restore).",
)
JOURNAL = Metric(
    "outbox_journal",
    Kind.GAUGE,
    ("state",),
    "The state of the journal, which has 1: off, written or failed.",
)
UNWRITTEN = Metric(
    "outbox_unwritten_verdicts",
    Kind.GAUGE,
    (),
    "Verdicts that the daemon knows and the database does not yet.",
)
TURN_AGE = Metric(
    "outbox_turn_age_seconds",
    Kind.GAUGE,
    (),
    "For how long no turn of the daemon's loop has ended, its rests included.",
)
READY = Metric("outbox_ready", Kind.GAUGE, (), "What /readyz says (1 or 0).")
BUILD = Metric("outbox_build_info", Kind.GAUGE, ("version",), "1, with the version of the program.")

CATALOGUE = (
    OLDEST_DUE_AGE,
    STREAM_OLDEST_DUE_AGE,
    DELIVERIES,
    DATABASE_UP,
    SENT,
    FAILED,
    DEFERRED,
    DOUBTS,
    RELAY_FAULTS,
    SEND_SECONDS,
    QUEUE_SECONDS,
    CONNECTIONS,
    BREAKER_OPEN,
    PAUSED,
    JOURNAL,
    UNWRITTEN,
    TURN_AGE,
    READY,
    BUILD,
)
