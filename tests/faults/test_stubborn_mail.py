"""A mail that the relay minds never stands in the way of others."""

from pathlib import Path

from sqlalchemy import text

from outbox.delivery.retry import RetryPolicy
from tests.support.daemon import RunningDaemon, application
from tests.support.inside import daemon_inside
from tests.support.moody import MoodyRelay
from tests.support.postfix import PostfixServer
from tests.support.waiting import wait_until


def test_a_mail_that_always_meets_a_relay_fault_lets_all_others_pass(sqlite_url: str, tmp_path: Path) -> None:
    refusals = {"bad@example.org": "454 4.7.1 <bad@example.org>: Relay access denied"}
    with application(sqlite_url) as app, PostfixServer(refusals=refusals) as postfix:
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to="bad@example.org", subject="Bad", text="Bad.")
        with RunningDaemon(sqlite_url, tmp_path, port=postfix.port) as daemon:
            wait_until(lambda: "454" in daemon.log(), "the relay has named its fault")
            app.enqueue(20)
            app.wait_sent(20)
            assert daemon.terminate() == 0
        with app.engine.connect() as connection:
            row = connection.execute(
                text(
                    "SELECT status, attempts, reply_code, reply FROM outbox_delivery "
                    "WHERE recipient LIKE 'bad%'"
                )
            ).one()
        assert tuple(row)[:3] == ("pending", 0, 454)
        assert "Relay access denied" in row.reply
        # A person reads it in SQL; the log names no address.
        assert "bad@example.org" not in daemon.log()


def test_a_mail_that_the_relay_minds_is_no_probe_while_another_has_not_been_tried(sqlite_url: str) -> None:
    with application(sqlite_url) as app, MoodyRelay(minds="bad0@example.org") as relay:
        app.enqueue(1, tag="bad")
        app.enqueue(1, tag="good")
        # It is due again at once, and so at each probe.
        with daemon_inside(sqlite_url, relay.port, policy=RetryPolicy(fault_pause=0.0)) as inside:
            app.wait_sent(1)
            inside.drain()
    assert relay.asked[:2] == ["bad0@example.org", "good0@example.org"]
