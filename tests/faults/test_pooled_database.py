"""Behind PgBouncer in transaction mode each transaction may meet another server process."""

from collections import Counter
from pathlib import Path

from tests.support.daemon import RunningDaemon, application
from tests.support.ledger import LedgerSink
from tests.support.pgbouncer import PgBouncer

MAILS = 500


def test_fault_38_a_queue_that_is_filled_and_drained_by_way_of_pgbouncer_is_sent_once_each(
    postgresql_url: str, tmp_path: Path
) -> None:
    with PgBouncer() as bouncer, LedgerSink() as sink:
        url = bouncer.before(postgresql_url)
        with application(url, connect_args={"prepare_threshold": None}) as app:
            app.enqueue(MAILS // 2)
            # Two daemons keep several server processes busy; small transactions repeat each statement.
            daemons = [RunningDaemon(url, tmp_path, port=sink.port) for _ in range(2)]
            with daemons[0], daemons[1]:
                for n in range(MAILS // 2):
                    app.enqueue(1, tag=f"late{n}-")
                app.wait_sent(MAILS)
                assert [daemon.terminate() for daemon in daemons] == [0, 0]
            arrived = Counter((entry.message_id, entry.recipient) for entry in sink.entries())
            assert app.committed() == arrived
            assert app.counts() == {"sent": MAILS}
            assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
        assert not [line for daemon in daemons for line in daemon.log().splitlines() if "WARNING" in line]
