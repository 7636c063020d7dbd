"""By which a daemon tells that its database has gone back in time."""

from typing import ClassVar

from django.db import migrations

from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0008."""

    dependencies: ClassVar = [("email_outbox", "0007_shared_gates")]
    operations: ClassVar = [to_version("0008")]
