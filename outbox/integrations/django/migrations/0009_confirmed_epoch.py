"""Up to which epoch a person has confirmed that mail may go."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0009."""

    dependencies: ClassVar = [("email_outbox", "0008_epochs")]
    operations: ClassVar = [to_version("0009")]
