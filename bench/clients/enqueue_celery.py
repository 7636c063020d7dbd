"""An order in a transaction, and behind its commit a task of Celery, by Redis, that would send it: URL."""

import os
import secrets
import sys

from celery import Celery
from sqlalchemy import create_engine, insert

from bench.clients.requests import measure
from bench.corpus import HTML, TEXT, recipient, subject
from bench.order import ORDERS


def _send_email(to: str, subject: str, text: str, html: str) -> None:
    """Nobody works here: only the handing over is measured."""


def main(url: str) -> None:
    """Measure on a fresh database and a queue of its own."""
    engine = create_engine(url)
    ORDERS.create(engine)
    queue = f"outbox-bench-{secrets.token_hex(6)}"
    app = Celery(broker=os.environ.get("OUTBOX_BENCH_REDIS_URL", "redis://127.0.0.1:6379/0"))
    app.conf.task_default_queue = queue

    send_email = app.task(name="send_email", ignore_result=True)(_send_email)

    def request(n: int | None) -> None:
        with engine.begin() as connection:
            connection.execute(insert(ORDERS), {"customer": "Ada"})
        if n is not None:
            send_email.delay(recipient(n), subject(n), TEXT, HTML)

    try:
        measure(request)
    finally:
        with app.connection_for_write() as broker:
            broker.default_channel.queue_delete(queue)


if __name__ == "__main__":
    main(sys.argv[1])
