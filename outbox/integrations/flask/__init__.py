"""Flask-Mail's interface, for mail that goes into the outbox.

`from outbox.integrations.flask import Mail, Message` replaces `from flask_mail import …`. Names, signatures,
exceptions, settings `MAIL_*` and the signal are those of Flask-Mail 0.10. Sending means enqueueing, in the
application's own SQL transaction where it has one (`transactions.py`).
"""

try:
    import flask as _flask  # noqa: F401 - only to say what is missing
except ModuleNotFoundError as _error:
    if _error.name != "flask":
        raise
    raise ModuleNotFoundError(
        "Flask is not installed, which outbox.integrations.flask is for: pip install 'email-outbox[flask]'",
        name="flask",
    ) from _error

from outbox.integrations.flask.attachment import Attachment
from outbox.integrations.flask.connection import Connection
from outbox.integrations.flask.install import install_as_flask_mail
from outbox.integrations.flask.mail import Mail, _Mail
from outbox.integrations.flask.message import BadHeaderError, Message
from outbox.integrations.flask.sanitize import (
    FlaskMailUnicodeDecodeError,
    force_text,
    sanitize_address,
    sanitize_addresses,
    sanitize_subject,
)
from outbox.integrations.flask.signals import email_dispatched, signals

__all__ = [
    "Attachment",
    "BadHeaderError",
    "Connection",
    "FlaskMailUnicodeDecodeError",
    "Mail",
    "Message",
    "_Mail",
    "email_dispatched",
    "force_text",
    "install_as_flask_mail",
    "sanitize_address",
    "sanitize_addresses",
    "sanitize_subject",
    "signals",
]
