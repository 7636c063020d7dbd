"""What housekeeping leaves behind."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0010."""

    dependencies: ClassVar = [("email_outbox", "0009_confirmed_epoch")]
    operations: ClassVar = [to_version("0010")]
