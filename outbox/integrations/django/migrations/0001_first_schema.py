"""The first version of the tables, and the models that read them, of which Django manages none."""

from typing import ClassVar

from django.db import migrations, models

from outbox.integrations.django.models import GuidField, InstantField
from outbox.integrations.django.versions import to_version


class Migration(migrations.Migration):  # type: ignore[misc] # Django ships no types
    """To version 0001."""

    initial = True
    operations: ClassVar = [
        to_version("0001"),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", GuidField(editable=False, primary_key=True, serialize=False)),
                ("created_at", InstantField()),
                ("stream", models.CharField(max_length=64)),
                ("sender", models.CharField(max_length=320)),
                ("subject", models.TextField()),
                ("message_id", models.CharField(max_length=320, verbose_name="Message-ID")),
            ],
            options={"managed": False, "db_table": "outbox_message", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recipient", models.CharField(max_length=320)),
                ("status", models.CharField(max_length=16)),
                ("stream", models.CharField(max_length=64)),
                ("attempts", models.IntegerField()),
                ("due_at", InstantField()),
                ("finished_at", InstantField(null=True)),
            ],
            options={
                "managed": False,
                "db_table": "outbox_delivery",
                "default_permissions": ("view",),
                "permissions": [
                    ("retry_delivery", "Can retry delivery"),
                    ("cancel_delivery", "Can cancel delivery"),
                ],
                "verbose_name_plural": "deliveries",
            },
        ),
    ]
