"""What people ask of a mail after it was queued."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0004."""

    dependencies: ClassVar = [("email_outbox", "0003_lanes")]
    operations: ClassVar = [to_version("0004")]
