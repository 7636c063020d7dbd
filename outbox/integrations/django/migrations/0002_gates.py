"""What may pass: gates, for relays and streams."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0002."""

    dependencies: ClassVar = [("email_outbox", "0001_first_schema")]
    operations: ClassVar = [to_version("0002")]
