"""Mail that is too large for comfort takes its turns in memory, and small mail goes on beside it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox.worker.budget import BODIES
from tests.support.daemon import RunningDaemon, application
from tests.support.inside import daemon_inside
from tests.support.ledger import LedgerSink
from tests.support.scripted import Peer, scripted
from tests.support.sitting import Sitting

pytestmark = pytest.mark.trial

LARGE, SMALL = 10, 300
BODY = "0123456789 " * 1_750_000
"""With its line ends about 20 MB."""

MOST_MEMORY = 256
"""MB of the whole process, of which about 80 are the program."""


def test_fault_77_ten_mails_of_20_mb_beside_small_ones_are_sent_in_256_mb(
    postgresql_url: str, tmp_path: Path, report: Callable[[str], None]
) -> None:
    with application(postgresql_url) as app, LedgerSink() as sink:
        for n in range(LARGE):
            app.enqueue(1, tag=f"large-{n}-", body=BODY)
        app.enqueue(SMALL, tag="small")
        assert int(str(app.scalar("SELECT max(size) FROM outbox_message"))) > 19_000_000
        with RunningDaemon(postgresql_url, tmp_path, port=sink.port) as daemon:
            app.wait_sent(LARGE + SMALL, timeout=120)
            peak = peak_memory(daemon)
            assert daemon.terminate() == 0
        entries = sink.entries()
    order = [entry.recipient.startswith("large") for entry in entries]
    assert (len(order), sum(order)) == (LARGE + SMALL, LARGE)
    report(f"PostgreSQL, ten mails of 20 MB beside {SMALL} small ones: {peak} MB at most in memory")
    assert peak < MOST_MEMORY
    # The large ones were older and fill the memory; the small ones pass those that wait for it.
    assert False in order[:LARGE]


def test_fault_77_a_daemon_claims_little_of_what_it_has_no_memory_for(sqlite_url: str) -> None:
    sitting = Sitting(Peer.hear_the_end)
    with scripted(sitting) as relay, application(sqlite_url) as app:
        app.enqueue(50)
        with app.engine.begin() as connection:
            connection.execute(text("UPDATE outbox_delivery SET size = :size"), {"size": BODIES})
        with daemon_inside(sqlite_url, relay.port, lease_ttl=3) as inside:
            sitting.wait_dot()
            app.wait_beats(os.getpid(), 3)
            # A claim of twice the connections, once more when it is used up, and the one that is sent.
            assert app.counts()["sending"] <= 5
            inside.ask_to_drain()
            sitting.answer()
            inside.drain()
        assert app.counts() == {"sent": 1, "pending": 49}


def peak_memory(daemon: RunningDaemon) -> int:
    """Return how many MB of memory the process had at most (proc(5))."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024
