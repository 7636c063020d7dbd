"""The outbox in Django: an email backend that queues in Django's own transaction, and an app around it.

`EMAIL_BACKEND = "outbox.integrations.django.EmailBackend"`, or the same as BACKEND in MAILERS; and
"outbox.integrations.django" in INSTALLED_APPS. See docs/django.md.
"""

try:
    import django  # noqa: F401 - asked for before anything needs it
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "outbox.integrations.django needs Django: pip install 'email-outbox[django]'", name=error.name
    ) from error

from outbox.integrations.django.backend import EmailBackend
from outbox.integrations.django.lending import outbox_connection

__all__ = ["EmailBackend", "outbox_connection"]
