"""An order in a transaction, and behind its commit a job of Procrastinate that would send the mail: URL."""

import sys

import psycopg
from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import make_url

from bench.clients.requests import measure
from bench.corpus import HTML, TEXT, recipient, subject


def _send_email(to: str, subject: str, text: str, html: str) -> None:
    """Nobody works here: only the handing over is measured."""


def main(url: str) -> None:
    """Measure on a fresh database."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    app = App(connector=SyncPsycopgConnector(conninfo=conninfo))
    send_email = app.task(name="send_email")(_send_email)

    with app.open(), psycopg.connect(conninfo) as connection:
        app.schema_manager.apply_schema()
        connection.execute("CREATE TABLE orders (id serial PRIMARY KEY, customer varchar(100))")
        connection.commit()

        def request(n: int | None) -> None:
            with connection.transaction():
                connection.execute("INSERT INTO orders (customer) VALUES (%s)", ["Ada"])
            if n is not None:
                send_email.defer(to=recipient(n), subject=subject(n), text=TEXT, html=HTML)

        measure(request)


if __name__ == "__main__":
    main(sys.argv[1])
