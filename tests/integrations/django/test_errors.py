"""What goes wrong is told in Django's words, and a failure that is to be silent harms nothing."""

import pytest
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.db import connections, transaction

from outbox.errors import DatabaseLockedError, InvalidEmailError, SchemaError
from outbox.integrations.django import EmailBackend
from tests.integrations.django.orders import message, standing


@pytest.mark.usefixtures("sqlite")
def test_missing_tables_are_told_with_django_s_command() -> None:
    with pytest.raises(
        SchemaError, match=r"'default' has no outbox tables.*manage.py migrate --database default"
    ):
        EmailBackend(database="default").send_messages([message()])


@pytest.mark.usefixtures("sqlite")
def test_a_locked_sqlite_is_told_with_django_s_option() -> None:
    other = connections.create_connection("sqlite")
    with other.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
    with transaction.atomic(using="sqlite"):
        # Django's BEGIN is deferred: it has read what another changes then.
        standing("sqlite")
        with other.cursor() as cursor:
            cursor.execute("INSERT INTO auth_group (name) VALUES ('another')")
        with pytest.raises(
            DatabaseLockedError, match=r'DATABASES\[.sqlite.\]\["OPTIONS"\] = {"transaction_mode"'
        ):
            message().send()
        assert connections["sqlite"].needs_rollback
    other.close()
    assert standing("sqlite") == (0, 1)


@pytest.mark.usefixtures("sqlite")
def test_failing_silently_leaves_the_block_usable() -> None:
    with transaction.atomic(using="default"):
        assert EmailBackend(fail_silently=True, database="default").send_messages([message()]) == 0
        assert not connections["default"].needs_rollback


def test_failing_silently_leaves_the_block_usable_where_an_error_ends_a_transaction(postgresql: str) -> None:
    with transaction.atomic(using=postgresql):
        Group.objects.using(postgresql).create(name="order")
        with transaction.atomic(using=postgresql):
            with connections[postgresql].cursor() as cursor:
                cursor.execute("SET LOCAL search_path TO pg_catalog")
            assert EmailBackend(fail_silently=True).send_messages([message()]) == 0
    assert standing(postgresql) == (0, 1)


@pytest.mark.usefixtures("sqlite")
def test_a_mail_that_can_never_be_sent_is_no_silent_failure() -> None:
    with pytest.raises(InvalidEmailError):
        EmailBackend(fail_silently=True).send_messages(
            [EmailMessage("x", "", "shop@example.org", ["nobody"])]
        )
