"""The daemon's desks share what it holds, and it looks again when one of them may go on."""

from typing import Any

from outbox.delivery.retry import RetryPolicy
from outbox.store.database import Database
from outbox.worker.loop import Daemon
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from tests.support.sending import relay_at
from tests.unit.worker.held import claim, rescued, settlement


def daemon() -> Any:
    """Return a daemon of the relays `main` and `backup`."""
    relays = relay_at(25), relay_at(26, name="backup")
    return Daemon(Database("sqlite://"), Options(relays=relays, policy=RetryPolicy()), Notifier(None))


def test_fault_78_it_looks_for_the_next_rescued_delivery_when_the_one_before_is_written() -> None:
    it = daemon()
    it._holdings.add([rescued(1), claim(2)])
    it._written([settlement(2)])
    assert not it._wake.is_set()
    it._written([settlement(1)])
    assert it._wake.is_set()


def test_while_a_breaker_is_open_each_written_verdict_lets_it_see_whether_a_probe_may_go() -> None:
    it = daemon()
    for _ in range(4):
        it._desks._desks["backup"]._breaker.fault(0.0, 0.0)
    it._written([settlement(1)])
    assert it._wake.is_set()
    it._wake.clear()
    it._refused(settlement(2))
    assert it._wake.is_set()
