"""Which of the servers that follow each other had the database."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0011."""

    dependencies: ClassVar = [("email_outbox", "0010_housekeeping")]
    operations: ClassVar = [to_version("0011")]
