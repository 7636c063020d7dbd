"""Every event that we log: its name, its level, its fields, and the sentence a person reads.

Most are the daemon's; those of an application are about mail that it has sent, and that was not queued.
Logic elsewhere holds no log strings. The fields travel with the record, as its attribute `outbox`, for
formatters that want them; no event carries an address, a subject or a secret.
"""

from outbox.events.application import mails_dropped, mails_lost, mails_rolled_back
from outbox.events.daemon import (
    beat_failed,
    daemon_draining,
    daemon_failed,
    daemon_started,
    daemon_stopped,
    dkim_key_short,
    duty_failed,
    expired,
    objected,
    permitted,
    rescued,
    sender_failed,
    session_lost,
)
from outbox.events.database import (
    database_back,
    database_unavailable,
    late_verdicts,
    record_failed,
    verdict_refused,
    verdicts_again,
    verdicts_left,
    verdicts_wait,
)
from outbox.events.journal import (
    journal_back,
    journal_failed,
    journal_off,
    journal_refused,
    journal_settled,
    journal_torn,
)
from outbox.events.relay import (
    policy_storm,
    quota_spent,
    relay_back,
    relay_down,
    relay_fault,
    relay_learnt,
    relay_probed,
    relay_slow,
    relay_slowed,
    rerouted,
)

__all__ = [
    "beat_failed",
    "daemon_draining",
    "daemon_failed",
    "daemon_started",
    "daemon_stopped",
    "database_back",
    "database_unavailable",
    "dkim_key_short",
    "duty_failed",
    "expired",
    "journal_back",
    "journal_failed",
    "journal_off",
    "journal_refused",
    "journal_settled",
    "journal_torn",
    "late_verdicts",
    "mails_dropped",
    "mails_lost",
    "mails_rolled_back",
    "objected",
    "permitted",
    "policy_storm",
    "quota_spent",
    "record_failed",
    "relay_back",
    "relay_down",
    "relay_fault",
    "relay_learnt",
    "relay_probed",
    "relay_slow",
    "relay_slowed",
    "rerouted",
    "rescued",
    "sender_failed",
    "session_lost",
    "verdict_refused",
    "verdicts_again",
    "verdicts_left",
    "verdicts_wait",
]
