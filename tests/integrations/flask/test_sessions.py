"""Which session, or which database, an application's mail goes to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from outbox import SchemaError, UnusableConnectionError, migrate
from outbox.integrations.flask import Mail, Message
from tests.contract.scene import Scene
from tests.integrations.flask.plain import READ, plain
from tests.integrations.flask.site import message_of, told


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    made = create_engine(sqlite_url)
    migrate(made)
    yield made
    made.dispose()


def subjects(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT subject FROM outbox_message ORDER BY id")).scalars())


def close(app: Flask) -> None:
    """Close what an application without a session has opened."""
    app.extensions["mail"].destination.engine().dispose()


@pytest.mark.parametrize("form", ["session", "scoped", "function", "function of a scoped one"])
@pytest.mark.parametrize("late", [True, False])
def test_a_given_session_is_used_in_every_form(engine: Engine, form: str, *, late: bool) -> None:
    scoped = scoped_session(sessionmaker(engine))
    session = scoped()
    forms: dict[str, Any] = {
        "session": session,
        "scoped": scoped,
        "function": lambda: session,
        "function of a scoped one": lambda: scoped,
    }
    app = plain()
    if late:
        mail = Mail()
        mail.init_app(app, session=forms[form])
    else:
        mail = Mail(app, session=forms[form])
    with app.app_context():
        mail.send(message_of("Idle"))
        session.execute(text("DELETE FROM outbox_session"))
        mail.send(message_of("Undone"))
        session.rollback()
        session.execute(READ)
        mail.send(message_of("Waiting"))
        assert subjects(engine) == ["Idle"]
    assert subjects(engine) == ["Idle", "Waiting"]
    scoped.remove()


def test_what_is_no_session_is_named(engine: Engine) -> None:
    app = plain()
    mail = Mail(app, session=engine)  # type: ignore[arg-type] # the mistake that is tested
    with app.app_context(), pytest.raises(UnusableConnectionError, match="session: is no session"):
        mail.send(message_of())


def test_flask_sqlalchemy_may_be_set_up_after_mail(sqlite_url: str, engine: Engine) -> None:
    app = plain(SQLALCHEMY_DATABASE_URI=sqlite_url)
    mail, db = Mail(app), SQLAlchemy()
    db.init_app(app)
    with app.app_context():
        db.session.execute(text("DELETE FROM outbox_session"))
        mail.send(message_of())
        assert subjects(engine) == []
        db.session.commit()
        db.session.execute(READ)
        mail.send(message_of("Waiting"))
    with app.app_context():
        db.engine.dispose()
    assert subjects(engine) == ["Hello", "Waiting"]


@pytest.mark.usefixtures("no_settings")
def test_without_a_session_the_configuration_names_the_database_before_the_environment(
    engine: Engine, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    monkeypatch.setenv("OUTBOX_DATABASE_URL", other)
    app = plain(OUTBOX_DATABASE_URL=sqlite_url)
    mail = Mail(app)
    with app.app_context():
        mail.send(message_of("By the configuration"))
        assert subjects(engine) == ["By the configuration"]
    close(app)
    monkeypatch.setenv("OUTBOX_DATABASE_URL", sqlite_url)
    app = plain()
    mail = Mail(app)
    with app.app_context():
        mail.send(message_of("By the environment"))
        with mail.connect() as connection:
            connection.send(message_of("In a block"))
    close(app)
    assert subjects(engine)[1:] == ["By the environment", "In a block"]


@pytest.mark.usefixtures("no_settings")
def test_without_any_name_it_is_the_database_of_the_command_line() -> None:
    app = plain()
    mail = Mail(app)
    assert app.test_cli_runner().invoke(args=["outbox", "db", "upgrade"]).exit_code == 0
    with app.app_context():
        mail.send(message_of())
    close(app)
    made = create_engine("sqlite:///outbox.sqlite3")
    assert subjects(made) == ["Hello"]
    made.dispose()


@pytest.mark.parametrize("state", ["idle", "read", "written"])
def test_missing_tables_are_an_error_at_the_call_that_says_what_to_do(sqlite_url: str, state: str) -> None:
    app = plain(SQLALCHEMY_DATABASE_URI=sqlite_url)
    mail, db = Mail(app), SQLAlchemy(app)
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("CREATE TABLE note (text TEXT)"))
        if state != "idle":
            db.session.execute(READ if state == "read" else text("INSERT INTO note VALUES ('x')"))
        with pytest.raises(SchemaError, match="flask outbox db upgrade"):
            mail.send(message_of())
        db.session.rollback()
        db.engine.dispose()


def test_a_session_on_a_connection_of_a_test_leaves_nothing_behind(scene: Scene) -> None:
    app = plain()
    with scene.admin.connect() as connection:
        outer = connection.begin()
        session = Session(connection, join_transaction_mode="create_savepoint")
        mail = Mail(app, session=session)
        with app.app_context():
            mail.send(message_of("Idle"))
            session.execute(READ)
            mail.send(message_of("Committed"))
            session.commit()
            found = text("SELECT subject FROM outbox_message ORDER BY id")
            assert connection.execute(found).scalars().all() == ["Idle", "Committed"]
        session.close()
        outer.rollback()
    assert scene.count() == 0


def test_what_one_of_two_sessions_on_a_connection_writes_is_written_for_both(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    app = plain()
    with scene.admin.connect() as connection:
        outer = connection.begin()
        first, second = (Session(connection, join_transaction_mode="rollback_only") for _ in range(2))
        mail = Mail(app, session=first)
        with app.app_context():
            first.execute(READ)
            second.execute(READ)
            first.execute(text("DELETE FROM outbox_session"))
            mail.send(message_of())
            first.close()
        second.close()
        outer.close()
    assert scene.count() == 0
    assert [each["event"] for each in told(caplog)] == ["mails_dropped"]


def test_another_application_has_no_mail(engine: Engine) -> None:
    Mail(plain(), session=Session(engine))
    with Flask("other").app_context(), pytest.raises(RuntimeError, match="not configured with Flask-Mail"):
        Mail().connect()


def test_init_app_can_be_called_again_when_requests_were_served(engine: Engine) -> None:
    app = plain()
    mail = Mail(app, session=Session(engine))
    app.test_client().get("/")
    app.config["MAIL_SUPPRESS_SEND"] = True
    mail.init_app(app)
    with app.app_context():
        mail.send(Message("Hello", ["ada@example.org"]))
    assert subjects(engine) == []
