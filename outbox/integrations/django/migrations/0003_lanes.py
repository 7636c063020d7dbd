"""Streams and lanes."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0003."""

    dependencies: ClassVar = [("email_outbox", "0002_gates")]
    operations: ClassVar = [to_version("0003")]
