"""Killed at any moment, a daemon loses nothing, and doubles only what nobody could have known."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab import kill
from tests.support.daemon import RunningDaemon, application
from tests.support.waiting import wait_until

pytestmark = pytest.mark.trial


# `make lab` kills longer, on each database, with a journal and without.
@pytest.mark.parametrize(
    ("database", "options"),
    [
        ("PostgreSQL", {"lease_ttl": 2}),
        # Whoever waited for this lease would be late for the end of the run.
        ("PostgreSQL", {"lease_ttl": 600, "journal": True}),
        ("SQLite", {"lease_ttl": 2}),
    ],
)
def test_fault_76_daemons_killed_at_random_lose_nothing_and_double_only_unrecorded_dots(
    database: str, options: dict[str, Any], tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = kill.drive(database, cycles=2, seed=76, folder=tmp_path, size=2, **options)
    report(str(result))
    assert result.broken == ()


def test_fault_13_a_daemon_restarted_in_place_does_not_pass_for_the_one_before(
    sqlite_url: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    ttl = 2
    # A relay that never greets keeps whatever is claimed for it.
    with application(sqlite_url) as app, socket.create_server(("127.0.0.1", 0)) as relay:
        app.enqueue(10)
        port = relay.getsockname()[1]
        with RunningDaemon(sqlite_url, tmp_path, port=port, lease_ttl=ttl) as daemon:
            wait_until(lambda: app.counts()["sending"] == 10, "all is claimed")
            daemon.kill()
            daemon.start()
            began = time.monotonic()
            # Claimed anew they are one by one: each of them may be what killed the daemon.
            wait_until(lambda: app.scalar("SELECT min(rescues) FROM outbox_delivery") == 1, "all is rescued")
            took = time.monotonic() - began
        assert app.scalar("SELECT count(*) FROM outbox_session WHERE state = 'lost'") == 1
    report(f"restarted in place: its predecessor's claims were its own after {took / ttl:.2f} TTL")
    # It must have beaten for one and a half TTLs itself, and looks every sixth; the rest is a busy machine's.
    assert took <= ttl * (3 / 2 + 2 / 6) + 3
