"""Django's email backend that sends nothing: it queues, in the transaction that Django is in."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import Error, connections, transaction

from outbox.default import enqueue_many
from outbox.errors import DatabaseLockedError, SchemaError
from outbox.intake import Outbox
from outbox.integrations.django.lending import outbox_connection
from outbox.integrations.django.message import email_of
from outbox.integrations.django.routing import database
from outbox.store.dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.core.mail import EmailMessage

    from outbox.mail.options import JSON
    from outbox.mail.status import OnDoubt

RELAY_OPTIONS = frozenset(
    {
        "host",
        "port",
        "username",
        "password",
        "use_tls",
        "use_ssl",
        "timeout",
        "ssl_keyfile",
        "ssl_certfile",
    }
)
"""What Django's SMTP backend takes: it may stay, since `manage.py outbox run` reads it, and we need none."""


class EmailBackend(BaseEmailBackend):  # type: ignore[misc] # Django ships no types
    """Queue mail in the database `database`, by default the one that the routers name for our models.

    `stream`, `on_doubt` and `tags` are for each mail that does not say otherwise in its own attribute
    `outbox`, such as `message.outbox = {"key": "receipt-42", "tags": {"order": 42}}`.
    """

    def __init__(
        self,
        fail_silently: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        *,
        database: str | None = None,
        stream: str | None = None,
        on_doubt: OnDoubt | str | None = None,
        tags: Mapping[str, JSON] | None = None,
        **others: Any,
    ) -> None:
        # Whether an option that nobody knows is an error, is for each release of Django to say.
        super().__init__(**{name: value for name, value in others.items() if name not in RELAY_OPTIONS})
        self.fail_silently = fail_silently
        self._database = database
        usual = {"stream": stream, "on_doubt": on_doubt, "tags": tags}
        self._usual = {name: value for name, value in usual.items() if value is not None}

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue all of them or none; return how many have recipients.

        Raises InvalidEmailError or ValueError for one that can never be sent, KeyConflictError, and
        django.db.Error or SchemaError for what the database refuses; the last two not with `fail_silently`.
        """
        emails = [email_of(message, self._usual) for message in email_messages if message.recipients()]
        if not emails:
            return 0
        if not Outbox.needs_database:
            enqueue_many(None, emails)  # type: ignore[arg-type] # who captures takes anything for a transaction
            return len(emails)
        alias = self._database or database()
        with self._silenced(alias) as silenced, outbox_connection(alias) as connection:
            enqueue_many(connection, emails)
        return 0 if silenced else len(emails)

    @contextmanager
    def _silenced(self, alias: str) -> Iterator[list[Exception]]:
        """Give the list of what was silenced; a savepoint keeps the application's transaction usable."""
        silenced: list[Exception] = []
        try:
            with self._savepoint(alias) if self.fail_silently else nullcontext():
                yield silenced
        except (Error, SchemaError, DatabaseLockedError) as error:
            if not self.fail_silently:
                raise
            silenced.append(error)

    @contextmanager
    def _savepoint(self, alias: str) -> Iterator[None]:
        """Give a savepoint of the transaction that is open, or a transaction."""
        if not connections[alias].get_autocommit():
            # SQLite would commit it with its release, where nothing was written before.
            with outbox_connection(alias) as connection:
                dialect_of(connection.dialect.name).begin_for_savepoint(connection)
        with transaction.atomic(using=alias):
            yield
