"""The trace in which a mail was enqueued."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0012."""

    dependencies: ClassVar = [("email_outbox", "0011_timeline")]
    operations: ClassVar = [to_version("0012")]
