"""The example Microblog, its mail sent in one of the ways that are compared.

    python -m bench.clients.microblog WAY PORT

The same pages hand over the same mail; only what stands behind the import of Flask-Mail's names differs.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask_mail
from celery import Celery

from bench.site import HOST, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

_MICROBLOG = Path(__file__).resolve().parents[2] / "examples" / "microblog"
_FIELDS = ("subject", "sender", "recipients", "body", "html")
# What Celery's guide has for tasks that must not be lost.
_CAREFUL = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "autoretry_for": (Exception,),
    "retry_backoff": 1,
    "max_retries": None,
}

celery = Celery(broker=os.environ.get("OUTBOX_BENCH_REDIS_URL", "redis://127.0.0.1:6379/0"))
celery.conf.task_default_queue = os.environ.get("OUTBOX_BENCH_QUEUE", "outbox-bench")
celery.conf.broker_connection_retry_on_startup = True


def microblog(way: Way) -> Flask:
    """Return the application, which sends its mail in this way."""
    sys.path.insert(0, str(_MICROBLOG))
    if way is not Way.OUTBOX:
        sys.modules["outbox.integrations.flask"] = flask_mail
    app: Flask = importlib.import_module("app").app
    ways = importlib.import_module("app.emails").WAYS
    ways |= {
        Way.NOTHING: lambda _: None,
        Way.SYNCHRONOUS: ways["plainly"],
        Way.THREAD: ways["in a thread"],
        Way.CELERY: _queued(app, "plain"),
        Way.CAREFUL: _queued(app, "careful", **_CAREFUL),
        Way.OUTBOX: ways["plainly"],
    }
    app.config.update(SEND_EMAIL=way, WTF_CSRF_ENABLED=False)
    return app


def _queued(app: Flask, name: str, **options: Any) -> Callable[[Any], None]:
    """Return what hands a message to Celery, whose worker sends it with these options of a task."""

    @celery.task(name=name, ignore_result=True, **options)  # type: ignore[untyped-decorator] # without types
    def send_async_email(fields: dict[str, Any]) -> None:
        with app.app_context():
            app.extensions["mail"].send(flask_mail.Message(**fields))

    return lambda msg: send_async_email.delay({field: getattr(msg, field) for field in _FIELDS})


if __name__ == "__main__":
    microblog(Way(sys.argv[1])).run(HOST, int(sys.argv[2]), threaded=True, use_reloader=False)
elif "OUTBOX_BENCH_WAY" in os.environ:
    # The worker of Celery imports this module by its name, and finds its tasks so.
    microblog(Way(os.environ["OUTBOX_BENCH_WAY"]))
