"""What applications send through the integrations is captured, too."""

from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from outbox.integrations.flask import Mail, Message
from outbox.testing import captured


def test_what_a_flask_application_sends_is_captured_with_its_transaction(tmp_path: Path) -> None:
    app = Flask("shop")
    url = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    app.config |= {"SQLALCHEMY_DATABASE_URI": url, "MAIL_DEFAULT_SENDER": "shop@example.org"}
    database = SQLAlchemy(app)
    mail = Mail(app)

    def send(subject: str) -> None:
        database.session.execute(database.text("SELECT 1"))
        mail.send(Message(subject, recipients=["ann@example.org"], body="Hello!"))

    with captured() as messages, app.app_context():
        send("kept")
        database.session.commit()
        send("lost")
        database.session.rollback()
        subjects: list[Any] = [each.subject for each in messages]
        database.engine.dispose()
    assert subjects == ["kept"]
