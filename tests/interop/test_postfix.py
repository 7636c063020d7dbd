"""Against a real Postfix: a thousand mails over verified STARTTLS, and one mail with three fates."""

from pathlib import Path

from sqlalchemy import text

from tests.support.daemon import RunningDaemon, application
from tests.support.postfix import PostfixServer
from tests.support.waiting import wait_until


def test_a_thousand_mails_over_verified_starttls_arrive_once_each(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app, PostfixServer() as postfix:
        app.enqueue(1000)
        with RunningDaemon(
            postgresql_url,
            tmp_path,
            port=postfix.port,
            smtp_host="localhost",
            smtp_tls="starttls",
            smtp_ca_file=postfix.ca_file,
        ) as daemon:
            app.wait_sent(1000)
            assert daemon.terminate() == 0
        postfix.wait_delivered(1000)
        assert {message_id: 1 for message_id, _ in app.committed()} == postfix.delivered()
        # Postfix named its queue file in each answer, and we kept it.
        assert app.scalar("SELECT count(DISTINCT queue_id) FROM outbox_delivery") == 1000


def test_a_relay_whose_certificate_is_not_trusted_gets_no_mail(postgresql_url: str, tmp_path: Path) -> None:
    with application(postgresql_url) as app, PostfixServer() as postfix:
        app.enqueue(1)
        with RunningDaemon(
            postgresql_url, tmp_path, port=postfix.port, smtp_host="localhost", smtp_tls="starttls"
        ) as daemon:
            wait_until(lambda: "certificate" in daemon.log(), "the daemon says what is wrong")
            assert daemon.terminate() == 0
        assert app.counts() == {"pending": 1}
        assert app.scalar("SELECT max(attempts) FROM outbox_delivery") == 0


def test_one_refused_and_one_deferred_recipient_never_send_to_the_accepted_one_again(
    postgresql_url: str, tmp_path: Path
) -> None:
    refusals = {
        "refused@example.org": "550 5.1.1 no such user",
        "later@example.org": "450 4.2.0 try again later",
    }
    with application(postgresql_url) as app, PostfixServer(refusals=refusals) as postfix:
        with app.engine.begin() as connection:
            app.outbox.enqueue(
                connection,
                to=["accepted@example.org", "refused@example.org", "later@example.org"],
                subject="Three fates",
                text="One mail.",
            )
        with RunningDaemon(
            postgresql_url,
            tmp_path,
            port=postfix.port,
            smtp_host="localhost",
            smtp_tls="starttls",
            smtp_ca_file=postfix.ca_file,
            retry_base=1,
            retry_cap=1,
        ) as daemon:
            wait_until(
                lambda: (
                    app.counts() == {"sent": 1, "failed": 1, "pending": 1}
                    and app.scalar("SELECT attempts FROM outbox_delivery WHERE recipient LIKE 'later%'") == 1
                ),
                "the three fates are recorded",
            )
            del postfix.refusals["later@example.org"]
            wait_until(lambda: app.counts() == {"sent": 2, "failed": 1}, "the deferred one is sent")
            assert daemon.terminate() == 0
        with app.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT recipient, status, attempts, reply_code, enhanced_code "
                    "FROM outbox_delivery ORDER BY n"
                )
            ).all()
        assert [tuple(row) for row in rows] == [
            ("accepted@example.org", "sent", 1, 250, "2.0.0"),
            ("refused@example.org", "failed", 1, 550, "5.1.1"),
            ("later@example.org", "sent", 2, 250, "2.0.0"),
        ]
        postfix.wait_delivered(2)
        assert postfix.recipients() == {"accepted@example.org": 1, "later@example.org": 1}
