"""The outbox's tables as Django reads them: for the admin, and never for writing.

Our own migrations make the tables and `outbox.enqueue` fills them, so no model is managed. The body of a mail
is no field: no page and no query of Django's fetches it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import models


class GuidField(models.UUIDField):  # type: ignore[misc] # Django ships no types
    """A UUID as our tables hold it: native on PostgreSQL, 32 hex digits elsewhere, on every MariaDB."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        """Return what the column of this database is compared with."""
        value = value if prepared else self.to_python(value)
        return value if value is None or connection.vendor == "postgresql" else value.hex

    def from_db_value(self, value: Any, expression: object, connection: object) -> UUID | None:  # noqa: ARG002 - Django's signature
        """Return the UUID that the driver read, perhaps as a text."""
        return value if value is None or isinstance(value, UUID) else UUID(value)


class InstantField(models.DateTimeField):  # type: ignore[misc] # Django ships no types
    """An instant, aware whatever USE_TZ says: our tables hold UTC."""

    def from_db_value(self, value: datetime | None, expression: object, connection: Any) -> datetime | None:  # noqa: ARG002 - Django's signature
        """Return the instant with its zone."""
        if value is None:
            return value
        if connection.vendor != "postgresql":
            # Whatever zone Django has put to it, for columns of its own.
            return value.replace(tzinfo=UTC)
        # Without USE_TZ Django has PostgreSQL say the local time.
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(connection.timezone_name))


class Message(models.Model):  # type: ignore[misc] # as above
    """An email as it was handed over, without its body."""

    id = GuidField(primary_key=True, editable=False)
    created_at = InstantField()
    stream = models.CharField(max_length=64)
    sender = models.CharField(max_length=320)
    subject = models.TextField()
    message_id = models.CharField("Message-ID", max_length=320)

    class Meta:
        """Its table, and nobody's right to change it."""

        managed = False
        db_table = "outbox_message"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.subject)


class Delivery(models.Model):  # type: ignore[misc] # as above
    """One recipient of a mail: the unit of the queue."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, models.DO_NOTHING, related_name="deliveries")
    recipient = models.CharField(max_length=320)
    status = models.CharField(max_length=16)
    stream = models.CharField(max_length=64)
    attempts = models.IntegerField()
    due_at = InstantField()
    finished_at = InstantField(null=True)

    class Meta:
        """Its table, and what staff may be allowed to do."""

        managed = False
        db_table = "outbox_delivery"
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("retry_delivery", "Can retry delivery"),
            ("cancel_delivery", "Can cancel delivery"),
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.recipient} ({self.status})"
