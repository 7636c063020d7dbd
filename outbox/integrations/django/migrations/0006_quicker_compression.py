"""Quicker compression of bodies on PostgreSQL."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0006."""

    dependencies: ClassVar = [("email_outbox", "0005_enqueue_by_sql")]
    operations: ClassVar = [to_version("0006")]
