"""An application of Flask that sends mail, and has nothing else."""

from typing import Any

from flask import Flask
from sqlalchemy import text

from tests.integrations.flask.site import SENDER

READ = text("SELECT 1")


def plain(**config: Any) -> Flask:
    app = Flask("plain")
    app.config.update(MAIL_DEFAULT_SENDER=SENDER, **config)
    return app
