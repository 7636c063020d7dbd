"""Where the mail of an application goes: its own session, or a database that is named for the outbox."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, scoped_session

from outbox.errors import UnusableConnectionError, shown
from outbox.integrations.engines import new_engine
from outbox.integrations.flask.inserts import Tables, insert_apart
from outbox.integrations.flask.transactions import Standing, hand_over, standing
from outbox.store.url import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Flask
    from sqlalchemy import Engine

    from outbox.handover import Prepared

    GivenSession = Session | scoped_session[Any] | Callable[[], Session | scoped_session[Any]]

URL = "OUTBOX_DATABASE_URL"


class Destination:
    """The session that `app` was set up with, or Flask-SQLAlchemy's, or an engine of our own."""

    def __init__(self, app: Flask, session: GivenSession | None) -> None:
        self._app = app
        self._session = session
        self._tables = Tables()
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def session(self) -> Session | None:
        """Return the present session of the application, None where it has none."""
        found: Any = self._session
        if found is None and "sqlalchemy" in self._app.extensions:
            found = self._app.extensions["sqlalchemy"].session
        # A scoped_session is called for its session, and what is called may give one.
        while found is not None and not isinstance(found, Session):
            if not callable(found):
                raise UnusableConnectionError(
                    f"session: is no session of SQLAlchemy: {shown(found)}. Give Mail(app, session=…) "
                    "a Session, a scoped_session, or a function that returns one."
                )
            found = found()
        return found

    def is_idle(self) -> bool:
        """Tell whether a mail that is sent now gets a transaction of its own."""
        session = self.session()
        return session is None or standing(session) is Standing.IDLE

    def hand_over(self, emails: Sequence[Prepared]) -> None:
        """Insert `emails`, or let them wait for the session's commit. Raises what `outbox.enqueue` raises."""
        session = self.session()
        if session is None:
            insert_apart(self.engine(), emails)
        else:
            hand_over(session, emails, self._tables)

    def engine(self) -> Engine:
        """Return the engine for an application without a session; it is made when it is first needed."""
        with self._lock:
            if self._engine is None:
                url = self._app.config.get(URL) or os.environ.get(URL) or DEFAULT_URL
                self._engine = new_engine(url)
            return self._engine

    def session_url(self) -> str | None:
        """Return the URL, with its password, of the database that the application's session works on."""
        session = self.session()
        if session is None:
            return None
        try:
            bind = session.get_bind()
        except UnboundExecutionError:
            # It has databases for some models only, and so none that mail could go to.
            return None
        return bind.engine.url.render_as_string(hide_password=False)
