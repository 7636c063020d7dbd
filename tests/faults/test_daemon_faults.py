"""What the faults of a conversation leave in the queue of a running daemon, as a person reads it in SQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from tests.support.daemon import Application, RunningDaemon, application
from tests.support.scripted import Peer, scripted
from tests.support.sitting import Sitting
from tests.support.waiting import wait_until


def test_fault_45_a_drain_waits_for_the_answer_to_a_dot(sqlite_url: str, tmp_path: Path) -> None:
    sitting = Sitting()
    with scripted(sitting) as relay, application(sqlite_url) as app, ThreadPoolExecutor() as pool:
        app.enqueue(1)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1) as daemon:
            sitting.wait_dot()
            ending = pool.submit(daemon.terminate)
            wait_until(lambda: "stopping:" in daemon.log(), "the daemon drains")
            assert app.counts() == {"sending": 1}
            sitting.answer("250 2.0.0 Ok: queued as 4X")
            assert ending.result() == 0
        assert app.counts() == {"sent": 1}
        assert app.scalar("SELECT queue_id FROM outbox_delivery") == "4X"
        assert_no_attempt_burnt(app)


def test_fault_63_connections_that_die_while_idle_or_under_the_next_mail_cost_no_attempt(
    sqlite_url: str, tmp_path: Path
) -> None:
    def closing(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()

    def leaving(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.say("421 4.4.2 idle for too long")
        peer.hear_the_end()

    def dying(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.hear_envelope()
        peer.reset()

    def sound(peer: Peer) -> None:
        peer.greet("PIPELINING")
        peer.take_mail()
        peer.take_quit()

    with scripted(closing, leaving, dying, sound) as relay, application(sqlite_url) as app:
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1) as daemon:
            for count in range(1, 5):
                app.enqueue(1)
                app.wait_sent(count)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 4}
        assert_no_attempt_burnt(app)


def test_fault_53_a_relay_that_takes_two_mails_on_a_connection_gets_the_rest_on_others(
    sqlite_url: str, tmp_path: Path
) -> None:
    def full(peer: Peer) -> None:
        peer.greet("PIPELINING", "LIMITS MAILMAX=2")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()
        peer.hear_the_end()
        assert peer.unheard == b""

    def last(peer: Peer) -> None:
        peer.greet("PIPELINING", "LIMITS MAILMAX=2")
        peer.take_mail()
        peer.take_quit()

    with scripted(full, full, last) as relay, application(sqlite_url) as app:
        app.enqueue(5)
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1) as daemon:
            app.wait_sent(5)
            assert daemon.terminate() == 0
        assert app.counts() == {"sent": 5}
        assert_no_attempt_burnt(app)


def test_fault_66_a_mail_that_the_relay_cannot_take_fails_alone_with_its_reason_in_sql(
    sqlite_url: str, tmp_path: Path
) -> None:
    def server(peer: Peer) -> None:
        peer.greet("PIPELINING", "8BITMIME", "SIZE 5000")
        peer.take_mail()
        peer.take_mail()
        peer.take_quit()
        assert peer.heard.count(b"MAIL FROM") == 2

    with scripted(server) as relay, application(sqlite_url) as app:
        app.enqueue(1, tag="small")
        app.enqueue(1, tag="large", body="0123456789 " * 600)
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to="zo\xeb@example.org", subject="Zo\xeb", text="Hi.")
        app.enqueue(1, tag="last")
        with RunningDaemon(sqlite_url, tmp_path, port=relay.port, connections=1) as daemon:
            wait_until(lambda: app.counts() == {"sent": 2, "failed": 2}, "all mails have ended")
            assert daemon.terminate() == 0
        with app.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT d.recipient, a.stage, a.reply_code, a.detail FROM outbox_attempt a "
                    "JOIN outbox_delivery d ON d.id = a.delivery_id ORDER BY a.id"
                )
            ).all()
    large, international = rows
    assert tuple(large)[:3] == ("large0@example.org", "MAIL FROM", None)
    assert large.detail.startswith("MAIL FROM: the message has ")
    assert large.detail.endswith("bytes and the relay takes at most 5000 (SIZE)")
    problem = "an address or header is not ASCII, and the relay does not offer SMTPUTF8"
    assert tuple(international) == ("zo\xeb@example.org", "RCPT TO", None, f"RCPT TO: {problem}")


def assert_no_attempt_burnt(app: Application) -> None:
    """Assert that each mail needed one judged attempt, and that nothing is noted of any other."""
    assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 1
    assert app.scalar("SELECT max(doubts) FROM outbox_delivery") == 0
    assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0
