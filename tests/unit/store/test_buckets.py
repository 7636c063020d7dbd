"""Which day a quota counts on, close to midnight."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from outbox.mail.rate import Demand, Limit
from outbox.store.buckets import _granted


def test_who_has_waited_past_midnight_for_the_lock_counts_on_the_new_day() -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    row = SimpleNamespace(
        quota_day=midnight.date(), quota_used=7, tokens=None, tokens_at=None, pace=None, paced_ago=None
    )
    given = _granted(Limit(quota=10), row, midnight - timedelta(seconds=1), Demand(1, 1))
    assert (given.used, given.day) == (8, midnight.date())
    # A clock that was wrong by a day is believed as it is now.
    given = _granted(Limit(quota=10), row, midnight - timedelta(hours=1), Demand(1, 1))
    assert (given.used, given.day) == (1, midnight.date() - timedelta(days=1))
