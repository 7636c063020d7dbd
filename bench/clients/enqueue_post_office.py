"""An order and its mail through django-post_office, in one transaction: URL."""

import sys
from contextlib import closing

import django
from django.conf import settings
from sqlalchemy import make_url

from bench.clients.requests import measure
from bench.corpus import HTML, SENDER, TEXT, recipient, subject


def main(url: str) -> None:
    """Measure on a fresh database."""
    parts = make_url(url)
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.database,
                "USER": parts.username,
                "PASSWORD": parts.password or "",
                "HOST": parts.host,
                "PORT": parts.port,
                "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - only behind the settings
    from django.db import connection, transaction  # noqa: PLC0415
    from post_office import mail  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with closing(connection.cursor()) as cursor:
        cursor.execute("CREATE TABLE orders (id serial PRIMARY KEY, customer varchar(100))")

    def request(n: int | None) -> None:
        with transaction.atomic():
            with closing(connection.cursor()) as cursor:
                cursor.execute("INSERT INTO orders (customer) VALUES ('Ada')")
            if n is not None:
                mail.send(recipient(n), SENDER, subject=subject(n), message=TEXT, html_message=HTML)

    measure(request)


if __name__ == "__main__":
    main(sys.argv[1])
