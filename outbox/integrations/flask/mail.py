"""The extension: what `Mail(app)` and `mail.init_app(app)` set up, and `mail.send(message)` uses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import appcontext_tearing_down, current_app

from outbox.integrations.flask.commands import add_commands
from outbox.integrations.flask.connection import Connection
from outbox.integrations.flask.destination import Destination
from outbox.integrations.flask.ledger import end_context
from outbox.integrations.flask.message import Message
from outbox.integrations.flask.signals import email_dispatched
from outbox.integrations.flask.watch import watch_sessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from outbox.integrations.flask.destination import GivenSession


class _MailMixin:
    @contextmanager
    def record_messages(self) -> Iterator[list[Message]]:
        """Give a list that gets every message which is sent within the block, for tests."""
        recorded: list[Message] = []

        def record(_app: Flask, message: Message) -> None:
            recorded.append(message)

        with email_dispatched.connected_to(record):
            yield recorded

    def send(self, message: Message) -> None:
        """Hand over one message; see Connection.send."""
        message.send(self.connect())

    def send_message(self, *args: Any, **kwargs: Any) -> None:
        """Send the Message of these arguments."""
        self.send(Message(*args, **kwargs))

    def connect(self) -> Connection:
        """Return what many messages are sent through, in a `with` block."""
        app = getattr(self, "app", None) or current_app
        try:
            return Connection(app.extensions["mail"])
        except KeyError as error:
            raise RuntimeError("The current application was not configured with Flask-Mail") from error


class _Mail(_MailMixin):
    """What an application is set up with: its settings `MAIL_*`, and where its mail goes."""

    destination: Destination

    def __init__(
        self,
        server: str,
        username: str | None,
        password: str | None,
        port: int | None,
        use_tls: bool,  # noqa: FBT001 - the order is Flask-Mail's
        use_ssl: bool,  # noqa: FBT001 - as above
        default_sender: str | tuple[str, str] | None,
        debug: int,
        max_emails: int | None,
        suppress: bool,  # noqa: FBT001 - as above
        ascii_attachments: bool,  # noqa: FBT001 - as above
    ) -> None:
        self.server = server
        self.username = username
        self.password = password
        self.port = port
        self.use_tls = use_tls
        self.use_ssl = use_ssl
        self.default_sender = default_sender
        self.debug = debug
        self.max_emails = max_emails
        self.suppress = suppress
        self.ascii_attachments = ascii_attachments


class Mail(_MailMixin):
    """Mail for Flask applications, as Flask-Mail has it, that goes into the outbox.

    `session` is the application's SQLAlchemy Session, scoped_session or a function that returns one; without
    it Flask-SQLAlchemy's is used, and without that an engine for `OUTBOX_DATABASE_URL`.
    """

    def __init__(self, app: Flask | None = None, *, session: GivenSession | None = None) -> None:
        self.app = app
        self._session = session
        self.state: _Mail | None = None if app is None else self.init_app(app)

    def init_mail(
        self,
        config: dict[str, Any],
        debug: bool | int = False,  # noqa: FBT001, FBT002 - Flask-Mail's signature
        testing: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> _Mail:
        """Return the settings that `config` holds."""
        return _Mail(
            config.get("MAIL_SERVER", "127.0.0.1"),
            config.get("MAIL_USERNAME"),
            config.get("MAIL_PASSWORD"),
            config.get("MAIL_PORT", 25),
            config.get("MAIL_USE_TLS", False),
            config.get("MAIL_USE_SSL", False),
            config.get("MAIL_DEFAULT_SENDER"),
            int(config.get("MAIL_DEBUG", debug)),
            config.get("MAIL_MAX_EMAILS"),
            config.get("MAIL_SUPPRESS_SEND", testing),
            config.get("MAIL_ASCII_ATTACHMENTS", False),
        )

    def init_app(self, app: Flask, *, session: GivenSession | None = None) -> _Mail:
        """Set up `app`, with its settings as they are now; again takes them anew."""
        state = self.init_mail(app.config, app.debug, app.testing)
        state.destination = Destination(app, self._session if session is None else session)
        app.extensions["mail"] = state
        watch_sessions()
        appcontext_tearing_down.connect(end_context, app)
        add_commands(app)
        return state

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name, None)
