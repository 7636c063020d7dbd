"""The app of INSTALLED_APPS: tables by `manage.py migrate`, pages in the admin, `manage.py outbox`."""

from django.apps import AppConfig

from outbox.integrations.django.routing import APP


class OutboxConfig(AppConfig):  # type: ignore[misc] # Django ships no types
    """The outbox as an app of Django."""

    name = "outbox.integrations.django"
    label = APP
    verbose_name = "Email outbox"
    default_auto_field = "django.db.models.BigAutoField"
