"""An application with Flask-SQLAlchemy, a table of notes, and mail."""

import logging
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, String, create_engine, delete, select

from outbox import prepare_sqlite
from outbox.integrations.flask import Mail, Message
from outbox.store.schema import message
from tests.contract.scene import Scene

SENDER = "shop@example.org"
NEVER = "their transaction was never committed"
HAD_WRITTEN = "their transaction had written, and was not committed"


class Site:
    """The application, and short words for what a view does."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.app = Flask("site")
        self.app.config.update(SQLALCHEMY_DATABASE_URI=scene.url, MAIL_DEFAULT_SENDER=SENDER)
        self.db = SQLAlchemy(self.app)
        self.mail = Mail(self.app)
        self.session = self.db.session
        # On SQLite a prepared engine would wait for the lock of the transaction that it is to look past.
        self._reader = create_engine(scene.url)

        class Note(self.db.Model):  # type: ignore[name-defined,misc] # the base is made above
            id = Column(Integer, primary_key=True)
            text = Column(String(50))

        self.Note: Any = Note
        with self.app.app_context():
            if scene.is_sqlite:
                prepare_sqlite(self.db.engine)
            self.db.create_all()
            self.session.execute(delete(Note))
            self.session.add(Note(text="first"))
            self.session.commit()

    def close(self) -> None:
        """Close every connection."""
        with self.app.app_context():
            self.db.engine.dispose()
        self._reader.dispose()

    def send(self, subject: str = "Hello", **fields: Any) -> None:
        """Send a mail."""
        self.mail.send(message_of(subject, **fields))

    def read(self) -> Any:
        """Read the first note, as views do before anything else."""
        return self.session.execute(select(self.Note).order_by(self.Note.id)).scalars().first()

    def write(self, text: str = "written") -> None:
        """Write a note, and flush it."""
        self.session.add(self.Note(text=text))
        self.session.flush()

    def queued(self) -> list[str]:
        """Return the subjects of all mail that is committed, sorted: ids of one millisecond have no order."""
        with self._reader.connect() as connection:
            return sorted(connection.execute(select(message.c.subject)).scalars())

    def notes(self) -> list[str]:
        """Return the notes that are committed."""
        with self._reader.connect() as connection:
            return list(connection.execute(select(self.Note.text).order_by(self.Note.id)).scalars())


def message_of(subject: str = "Hello", **fields: Any) -> Message:
    """Return a mail."""
    return Message(subject, **{"recipients": ["ada@example.org"], "body": "Hello.", **fields})


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the events that were logged, but for what only informs."""
    return [record.__dict__["outbox"] for record in caplog.records if record.levelno >= logging.WARNING]


def dropped(because: str, mails: int = 1) -> list[dict[str, Any]]:
    """Return the event of mails that were dropped."""
    return [{"event": "mails_dropped", "mails": mails, "because": because}]
