"""What a Flask application's configuration says to the daemon: MAIL_* in our words, and its own OUTBOX_*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outbox.integrations.flask.message import written
from outbox.settings.application import Application, Told
from outbox.settings.names import PREFIX

if TYPE_CHECKING:
    from flask import Flask

    from outbox.integrations.flask.mail import _Mail


def settings_of(app: Flask) -> Application:
    """Return the settings of `app`; its OUTBOX_* win over the environment, all others are defaults."""
    state = app.extensions["mail"]
    own = {
        name.removeprefix(PREFIX).lower(): Told(value, f"app.config {name}")
        for name, value in app.config.items()
        if name.startswith(PREFIX) and value is not None
    }
    return Application(own, _defaults(state))


def _defaults(state: _Mail) -> dict[str, Told]:
    is_known = bool(state.username and state.password)
    values: dict[str, tuple[str, Any]] = {
        "smtp_host": ("MAIL_SERVER", state.server),
        "smtp_port": ("MAIL_PORT", state.port or None),
        "smtp_tls": _tls(state),
        "smtp_username": ("MAIL_USERNAME", state.username if is_known else None),
        "smtp_password": ("MAIL_PASSWORD", state.password if is_known else None),
        "sender": ("MAIL_DEFAULT_SENDER", _sender(state.default_sender)),
        "database_url": ("the engine of its session", state.destination.session_url()),
    }
    return {
        name: Told(value, f"app.config {place}" if place.isupper() else place)
        for name, (place, value) in values.items()
        if value is not None
    }


def _tls(state: _Mail) -> tuple[str, str]:
    if state.use_ssl:
        return "MAIL_USE_SSL", "implicit"
    return "MAIL_USE_TLS", "starttls" if state.use_tls else "none"


def _sender(sender: str | tuple[str, str] | None) -> str | None:
    return written(sender) if isinstance(sender, tuple) else sender
