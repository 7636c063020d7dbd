"""What all daemons share at a gate."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0007."""

    dependencies: ClassVar = [("email_outbox", "0006_quicker_compression")]
    operations: ClassVar = [to_version("0007")]
