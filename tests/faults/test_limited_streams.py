"""A stream with a limit, in the daemon as it is: its room is asked for on a thread of the database's."""

from pathlib import Path

from tests.support.daemon import RunningDaemon, application
from tests.support.timed_relay import TimedRelay


def test_mail_of_a_stream_with_a_limit_is_sent(database_url: str, tmp_path: Path) -> None:
    streams = '{"default": {"rate": "50/s", "quota": 20}}'
    with application(database_url) as app, TimedRelay() as relay:
        app.enqueue(10)
        with RunningDaemon(database_url, tmp_path, port=relay.port, streams=streams) as daemon:
            app.wait_sent(10, timeout=20)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 10}
        assert app.scalar("SELECT quota_used FROM outbox_gate WHERE kind = 'stream'") == 10
