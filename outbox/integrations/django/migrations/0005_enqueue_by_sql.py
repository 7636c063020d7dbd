"""Enqueue by plain SQL, from any language."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0005."""

    dependencies: ClassVar = [("email_outbox", "0004_life_of_a_mail")]
    operations: ClassVar = [to_version("0005")]
