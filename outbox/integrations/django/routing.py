"""Which of Django's databases holds the outbox: the one that the project's routers name for our models."""

from __future__ import annotations

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, router

APP = "email_outbox"
"""The label of our app, by which routers know our models."""


def database() -> str:
    """Return the alias; it is the default one where our app, whose models routers know, is not installed."""
    if not apps.is_installed("outbox.integrations.django"):
        return str(DEFAULT_DB_ALIAS)
    return str(router.db_for_write(apps.get_model(APP, "Delivery")))
