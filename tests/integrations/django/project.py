"""A Django project with the outbox in it, as this process has it: four databases, the admin, our backend."""

import sys
from collections.abc import Sequence
from typing import Any

import django
import pymysql
from django.conf import settings
from django.contrib import admin
from django.urls import path
from sqlalchemy import make_url

BACKEND = "outbox.integrations.django.EmailBackend"
HAS_MAILERS = django.VERSION >= (6, 1)

urlpatterns: list[Any] = []

ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}
"""Of each kind of database, which is its alias, too: the engine of Django."""


def mail_settings(**options: Any) -> dict[str, Any]:
    """Return the settings by which Django sends by our backend, in the words of its release."""
    if not HAS_MAILERS:
        return {"EMAIL_BACKEND": BACKEND}
    return {"MAILERS": {"default": {"BACKEND": BACKEND, "OPTIONS": options}}}


def database(kind: str, url: str) -> dict[str, Any]:
    """Return what DATABASES says of the database of this URL."""
    parsed = make_url(url)
    return {
        "ENGINE": f"django.db.backends.{ENGINES[kind]}",
        "NAME": parsed.database,
        "USER": parsed.username or "",
        "PASSWORD": parsed.password or "",
        "HOST": parsed.host or "",
        "PORT": parsed.port or "",
    }


class Router:
    """Let each test choose the database that holds everything."""

    alias: str | None = None

    def db_for_read(self, _model: Any, **_: object) -> str | None:
        return self.alias

    db_for_write = db_for_read

    def allow_relation(self, *_: object, **__: object) -> bool:
        return True


def set_up(databases: dict[str, Any], installed: Sequence[str] = ()) -> None:
    """Configure Django for this process, once."""
    pymysql.install_as_MySQLdb()
    # Without it Django would look for a settings module in the environment.
    settings.configure(
        SECRET_KEY="tests only",
        ALLOWED_HOSTS=["127.0.0.1", "testserver"],
        DATABASES=databases,
        DATABASE_ROUTERS=["tests.integrations.django.project.Router"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="tests.integrations.django.project",
        STATIC_URL="/static/",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "outbox.integrations.django",
            *installed,
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        **mail_settings(),
    )
    django.setup()
    sys.modules[__name__].urlpatterns = [path("admin/", admin.site.urls)]  # type: ignore[attr-defined] # ours
