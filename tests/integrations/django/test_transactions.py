"""A mail is part of Django's own transaction: it exists exactly where the application's rows do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, send_mail
from django.db import DatabaseError, connections, transaction
from django.db.transaction import TransactionManagementError

import outbox
from outbox.errors import InvalidEmailError, KeyConflictError
from outbox.integrations.django import EmailBackend, outbox_connection
from outbox.integrations.django.models import Delivery
from outbox.testing import captured
from tests.integrations.django.folder import Project
from tests.integrations.django.orders import message, order, standing

_AGES = """
from datetime import UTC, datetime, timedelta
from django.core.mail import send_mail
import outbox
from outbox.integrations.django import outbox_connection
from outbox.integrations.django.models import Message
send_mail("Receipt", "Thank you!", "shop@example.org", ["ada@example.org"])
read = Message.objects.get()
with outbox_connection() as connection:
    found = outbox.status(connection, read.id)
now = datetime.now(UTC)
print(*[abs(now - each.created_at) < timedelta(minutes=5) for each in (read, found)])
"""


class AbortedError(Exception):
    """What an application raises to undo what it did."""


def order_and_abort(alias: str) -> None:
    """Do both in a block that is undone."""
    before = standing(alias)
    with transaction.atomic(using=alias):
        order(alias, "undone")
        assert standing(alias) == (before[0] + 1, before[1] + 1)
        raise AbortedError


def test_a_commit_keeps_mail_and_rows(alias: str) -> None:
    with transaction.atomic(using=alias):
        order(alias)
    assert standing(alias) == (1, 1)


def test_a_rollback_removes_mail_and_rows(alias: str) -> None:
    with pytest.raises(AbortedError):
        order_and_abort(alias)
    assert standing(alias) == (0, 0)


def test_nobody_else_sees_the_mail_before_the_commit(alias: str) -> None:
    other = connections.create_connection(alias)
    with transaction.atomic(using=alias):
        order(alias)
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM outbox_delivery")
            assert cursor.fetchone()[0] == 0
    other.close()


def test_a_savepoint_that_is_rolled_back_takes_its_mail_along(alias: str) -> None:
    with transaction.atomic(using=alias):
        order(alias, "kept")
        with pytest.raises(AbortedError):
            order_and_abort(alias)
        order(alias, "kept, too")
    assert standing(alias) == (2, 2)


def test_in_autocommit_the_mail_is_there_at_once(alias: str) -> None:
    order(alias)
    assert not connections[alias].in_atomic_block
    assert connections[alias].get_autocommit()
    assert standing(alias) == (1, 1)


def test_without_autocommit_the_mail_waits_for_the_application_s_commit(alias: str) -> None:
    transaction.set_autocommit(False, using=alias)
    order(alias)
    transaction.rollback(using=alias)
    assert standing(alias) == (0, 0)
    order(alias)
    transaction.commit(using=alias)
    transaction.rollback(using=alias)
    assert standing(alias) == (1, 1)
    transaction.rollback(using=alias)
    transaction.set_autocommit(True, using=alias)


@pytest.mark.parametrize("fail_silently", [False, True])
def test_without_autocommit_a_mail_before_all_else_waits_for_the_commit_too(
    alias: str, *, fail_silently: bool
) -> None:
    transaction.set_autocommit(False, using=alias)
    EmailBackend(fail_silently=fail_silently).send_messages([message()])
    transaction.rollback(using=alias)
    assert standing(alias) == (0, 0)
    EmailBackend(fail_silently=fail_silently).send_messages([message()])
    transaction.commit(using=alias)
    assert standing(alias) == (1, 0)
    transaction.rollback(using=alias)
    transaction.set_autocommit(True, using=alias)


def test_all_of_a_list_is_queued_or_nothing(alias: str) -> None:
    bad = EmailMessage("Receipt", "", "shop@example.org", ["nobody"])
    with pytest.raises(InvalidEmailError, match=r"to: has no @: 'nobody'"):
        EmailBackend().send_messages([message(), bad, message()])
    assert standing(alias) == (0, 0)


def test_a_mail_that_is_refused_leaves_the_block_usable(alias: str) -> None:
    with transaction.atomic(using=alias):
        with pytest.raises(InvalidEmailError):
            EmailMessage("Receipt", "", "shop@example.org", ["nobody"]).send()
        order(alias)
    assert standing(alias) == (1, 1)


def test_an_error_of_the_database_marks_the_block_as_one_of_django_s_own(alias: str) -> None:
    with transaction.atomic(using=alias):
        order(alias)
        with pytest.raises(DatabaseError, match="nonsense"), outbox_connection() as connection:
            connection.exec_driver_sql("SELECT * FROM nonsense")
        assert connections[alias].needs_rollback
        with pytest.raises(TransactionManagementError, match="current transaction"):
            standing(alias)
        with pytest.raises(TransactionManagementError, match="current transaction"):
            send_mail("Receipt", "", "shop@example.org", ["ada@example.org"])
    assert standing(alias) == (0, 0)


def test_a_savepoint_around_it_saves_the_rest(alias: str) -> None:
    with transaction.atomic(using=alias):
        order(alias)
        with pytest.raises(DatabaseError), transaction.atomic(using=alias), outbox_connection() as connection:
            connection.exec_driver_sql("SELECT * FROM nonsense")
        assert standing(alias) == (1, 1)
    assert standing(alias) == (1, 1)


def test_a_mail_of_a_key_is_queued_once_and_another_under_it_refused(alias: str) -> None:
    with transaction.atomic(using=alias):
        assert EmailBackend().send_messages([message(key="receipt-42"), message(key="receipt-42")]) == 2
        with pytest.raises(KeyConflictError, match="receipt-42"):
            EmailBackend().send_messages([message("Another", key="receipt-42"), message()])
        order(alias)
    assert standing(alias) == (2, 1)


def test_the_options_of_a_message_reach_the_queue(alias: str) -> None:
    later = datetime(2031, 5, 1, 12, tzinfo=UTC)
    mail = message(
        key="k",
        stream="bulk",
        tags={"order": 42, "paid": True},
        on_doubt="hold",
        send_at=later,
        expires_at=later + timedelta(days=1),
    )
    mail.send()
    with outbox_connection() as connection:
        found = outbox.status(connection, key="k")
    assert found is not None
    assert (found.key, found.stream, found.tags, found.on_doubt) == (
        "k",
        "bulk",
        {"order": 42, "paid": True},
        "hold",
    )
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=5)
    (delivery,) = found.deliveries
    assert (delivery.due_at, delivery.expires_at) == (later, later + timedelta(days=1))
    read = Delivery.objects.using(alias).select_related("message").get()
    assert (read.message.id, read.due_at, read.message.created_at) == (found.id, later, found.created_at)


def test_the_options_of_the_backend_are_for_mail_that_says_nothing(alias: str) -> None:
    bulk = EmailBackend(stream="bulk", on_doubt="hold", tags={"campaign": "may"}, database=alias)
    assert bulk.send_messages([message(), message(stream="receipts")]) == 2
    assert {*Delivery.objects.using(alias).values_list("stream", flat=True)} == {"bulk", "receipts"}


def test_a_misspelt_option_of_a_message_is_named_and_so_is_what_is_no_dict(sqlite: str) -> None:
    with pytest.raises(
        InvalidEmailError, match=r"outbox\['steam'\]: is no option: 'bulk'. Give any of: key, "
    ):
        message(steam="bulk").send()
    told = message()
    told.outbox = "bulk"
    with pytest.raises(InvalidEmailError, match=r"^outbox: is no dict: 'bulk'. Give a dict, such as "):
        told.send()
    assert standing(sqlite) == (0, 0)


def test_everything_of_the_outbox_works_on_django_s_connection(alias: str) -> None:
    shop = outbox.Outbox(sender="shop@example.org")
    with transaction.atomic(using=alias), outbox_connection() as connection:
        id_ = shop.enqueue(connection, to="ada@example.org", text="Hello", tags={"order": 42})
        shop.enqueue_many(connection, [{"to": "bob@example.org", "text": "Hello"}] * 3)
    with outbox_connection() as connection:
        (why,) = outbox.why(connection, id_)
        assert (why.status, why.ahead) == ("pending", 0)
        (change,) = outbox.cancel(connection, tag=("order", 42), who="ann")
        assert change.done
    assert Delivery.objects.using(alias).filter(status="cancelled").count() == 1


def test_nothing_that_sqlalchemy_ends_ends_for_django(alias: str) -> None:
    def enqueue_and_abort() -> None:
        with transaction.atomic(using=alias), outbox_connection() as connection:
            outbox.enqueue(connection, sender="shop@example.org", to="ada@example.org", text="Hello")
            connection.commit()
            outbox.enqueue(connection, sender="shop@example.org", to="ada@example.org", text="Hello")
            connection.rollback()
            assert standing(alias) == (2, 0)
            raise AbortedError

    with pytest.raises(AbortedError):
        enqueue_and_abort()
    assert standing(alias) == (0, 0)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_instants_are_the_same_without_time_zones(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    project = Project(tmp_path, kind, url, USE_TZ=False, TIME_ZONE="Asia/Tokyo")
    project.done("migrate")
    assert project.done("shell", "-c", _AGES).splitlines()[-1] == "True True"


def test_captured_mail_outlives_the_loan_of_the_connection(sqlite: str) -> None:
    with captured() as messages:
        order(sqlite)
        with transaction.atomic(using=sqlite):
            order(sqlite, "another")
    assert len(messages) == 2
    assert standing(sqlite) == (0, 2)


def test_the_backend_asks_no_database_while_mail_is_captured() -> None:
    with captured() as messages:
        assert EmailBackend(database="nowhere", fail_silently=True).send_messages([message()]) == 1
    assert len(messages) == 1


def test_nothing_is_counted_that_has_no_recipient(sqlite: str) -> None:
    assert EmailBackend().send_messages([EmailMessage("x", "", "shop@example.org"), message()]) == 1
    assert EmailBackend().send_messages([]) == 0
    assert standing(sqlite) == (1, 0)
