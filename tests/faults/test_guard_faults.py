"""A mistake floods nobody: slow domains, copied databases, storms, suppressed addresses, long lists."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import text

from outbox import EnvironmentMismatchError
from outbox.delivery.retry import RetryPolicy
from outbox.mail.diversion import Diversion
from outbox.mail.objection import Storm
from outbox.store.database import Database
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from outbox.worker.start import run
from outbox.worker.succession import Order
from tests.support.daemon import Application, application
from tests.support.inside import daemon_inside
from tests.support.moody import MoodyRelay
from tests.support.sending import relay_at
from tests.support.waiting import wait_until


def tell(app: Application, sql: str, **values: object) -> None:
    with app.engine.begin() as connection:
        connection.execute(text(sql), values)


@contextmanager
def ordered(url: str, options: Options) -> Iterator[Order]:
    database = Database(url)
    try:
        yield Order(database, options)
    finally:
        database.close()


def are_settled(app: Application) -> bool:
    return not app.counts().keys() & {"pending", "sending"}


def reasons(app: Application) -> Counter[tuple[str, str | None]]:
    with app.engine.connect() as connection:
        rows = connection.execute(text("SELECT status, reason FROM outbox_delivery"))
        return Counter((row.status, row.reason) for row in rows)


def test_fault_85_retries_to_a_domain_that_does_not_answer_leave_half_of_the_senders_to_fresh_mail(
    database_url: str,
) -> None:
    with MoodyRelay(dead="dead.example") as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue_many(
                connection, [{"to": f"{n}@dead.example", "text": "Hello."} for n in range(100)]
            )
        tell(app, "UPDATE outbox_delivery SET lane = 1")
        with daemon_inside(database_url, relay.port, connections=4) as inside:
            wait_until(lambda: relay.waiting == 2, "two senders wait for the dead domain")
            app.enqueue(200)
            app.wait_sent(200)
            assert relay.waiting == 2
            relay.speak_up()
            wait_until(lambda: app.counts() == {"sent": 200, "pending": 100}, "the retries had their turn")
            inside.drain()
    assert relay.waiting == 100


def test_fault_33_a_copy_of_another_environments_database_sends_nothing(database_url: str) -> None:
    with MoodyRelay() as relay, application(database_url) as app:
        app.enqueue(1)
        tell(app, "UPDATE outbox_meta SET environment = 'production'")
        for mine in ("staging", None):
            options = Options(relays=(relay_at(relay.port),), policy=RetryPolicy(), environment=mine)
            with pytest.raises(EnvironmentMismatchError, match=r"'production'.*OUTBOX_ENVIRONMENT") as caught:
                run(partial(ordered, database_url, options), Notifier(None))
            assert caught.value.exit_code == 78
        assert (app.counts(), relay.asked) == ({"pending": 1}, [])
        with daemon_inside(database_url, relay.port, environment="production"):
            app.wait_sent(1)


def test_fault_33_a_daemon_whose_database_becomes_a_copy_stops_and_gives_back_what_it_holds(
    database_url: str,
) -> None:
    with MoodyRelay() as relay, application(database_url) as app:
        tell(app, "UPDATE outbox_meta SET environment = 'staging'")
        with daemon_inside(database_url, relay.port, environment="staging") as inside:
            tell(app, "UPDATE outbox_meta SET environment = 'production'")
            inside.join()
            with pytest.raises(EnvironmentMismatchError):
                inside.drain()
        app.enqueue(1)
        assert (app.counts(), relay.asked) == ({"pending": 1}, [])


def test_a_suppressed_address_gets_no_mail_and_the_others_of_the_message_do(database_url: str) -> None:
    with MoodyRelay() as relay, application(database_url) as app:
        tell(app, "INSERT INTO outbox_suppression (address, why) VALUES ('ada@example.org', 'complained')")
        with app.engine.begin() as connection:
            app.outbox.enqueue(
                connection, to=["ann@example.org", "Ada@example.org", "eve@example.org"], text="Hello."
            )
        with daemon_inside(database_url, relay.port):
            wait_until(lambda: app.counts() == {"sent": 2, "failed": 1}, "all are settled")
        assert sorted(relay.asked) == ["ann@example.org", "eve@example.org"]
        assert reasons(app)["failed", "suppressed"] == 1
        detail = app.scalar("SELECT detail FROM outbox_attempt WHERE verdict = 'suppress'")
        assert detail == "the address is suppressed: complained"


def test_a_storm_of_mail_to_one_address_is_held_after_its_limit_and_others_are_not(database_url: str) -> None:
    with MoodyRelay() as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue_many(connection, [{"to": "ops@example.org", "text": "Error."}] * 60)
        app.enqueue(20)
        with daemon_inside(database_url, relay.port, storm=Storm(25, 3600), connections=2):
            wait_until(lambda: are_settled(app), "the storm is held")
            assert Counter(relay.asked)["ops@example.org"] == 25
            assert reasons(app) == {("sent", None): 45, ("held", "storm"): 35}
            # A person who lets them go is obeyed, whatever the limit says.
            tell(
                app, "UPDATE outbox_delivery SET status = 'pending', reason = 'person' WHERE status = 'held'"
            )
            app.wait_sent(80)


def test_staging_writes_to_its_own_domains_and_sends_the_rest_to_one_address(database_url: str) -> None:
    diversion = Diversion("qa@staging.example", frozenset({"staging.example"}))
    with MoodyRelay() as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue(
                connection, to=["tester@staging.example", "ada@example.org", "eve@example.com"], text="Hello."
            )
        with daemon_inside(database_url, relay.port, diversion=diversion):
            app.wait_sent(3)
        assert sorted(relay.asked) == ["qa@staging.example"] * 2 + ["tester@staging.example"]
        assert reasons(app) == {("sent", "redirected"): 2, ("sent", None): 1}
        assert {row[1] for row in app.committed()} == {
            "tester@staging.example", "ada@example.org", "eve@example.com",
        }  # fmt: skip


def test_mail_to_a_domain_that_is_not_allowed_waits_for_a_person(database_url: str) -> None:
    diversion = Diversion(None, frozenset({"staging.example"}))
    with MoodyRelay() as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to=["tester@staging.example", "ada@example.org"], text="Hello.")
        with daemon_inside(database_url, relay.port, diversion=diversion):
            wait_until(lambda: app.counts() == {"sent": 1, "held": 1}, "both are settled")
        assert relay.asked == ["tester@staging.example"]
        assert reasons(app)["held", "not_allowed"] == 1


def test_fault_90_each_cut_dot_leaves_at_most_one_chunk_of_thousands_of_recipients_in_doubt(
    database_url: str,
) -> None:
    recipients = [f"{n}@example.org" for n in range(5000)]

    with MoodyRelay(cuts=3) as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, bcc=recipients, text="Hello.", on_doubt="hold")
        with daemon_inside(database_url, relay.port):
            wait_until(lambda: are_settled(app), "all are settled", 60)
        counts = app.counts()
        assert 0 < counts["in_doubt"] <= 3 * 50
        assert counts == {"sent": 5000 - counts["in_doubt"], "in_doubt": counts["in_doubt"]}
        assert Counter(recipients) == Counter(relay.asked)


def test_a_pause_keeps_what_is_queued_and_what_is_already_in_hand(database_url: str) -> None:
    with MoodyRelay(dead="dead.example") as relay, application(database_url) as app:
        with app.engine.begin() as connection:
            app.outbox.enqueue(connection, to="1@dead.example", text="Hello.")
        with daemon_inside(database_url, relay.port) as inside:
            wait_until(lambda: relay.waiting == 1, "the only sender waits")
            with app.engine.begin() as connection:
                for stream in ("bulk", "bulk", "code"):
                    app.outbox.enqueue(connection, to="ann@example.org", text="Hello.", stream=stream)
            wait_until(lambda: app.counts() == {"sending": 4}, "all are in hand")
            tell(app, "INSERT INTO outbox_gate (kind, name) VALUES ('stream', 'bulk')")
            tell(app, "UPDATE outbox_gate SET paused_at = '2026-01-01 00:00:00'")
            wait_until(lambda: app.counts() == {"sending": 2, "pending": 2}, "the paused ones are given back")
            relay.speak_up()
            app.wait_sent(1)
            assert app.counts() == {"sent": 1, "pending": 3}
            assert app.scalar("SELECT stream FROM outbox_delivery WHERE status = 'sent'") == "code"
            tell(app, "UPDATE outbox_gate SET kind = 'all', name = '*' WHERE kind = 'stream'")
            wait_until(lambda: inside.daemon._permit.forbids_all("main") is not None, "everything is paused")
            with app.engine.begin() as connection:
                app.outbox.enqueue(connection, to="ann@example.org", text="Hello.", stream="code")
            tell(app, "UPDATE outbox_gate SET paused_at = NULL")
            app.wait_sent(4)
