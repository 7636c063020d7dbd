"""A session settles its mail where its transaction began: in the context, or at its end."""

import gc
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from outbox import SchemaError
from outbox.integrations.flask import Mail
from tests.contract.scene import Scene
from tests.integrations.flask.plain import READ, plain
from tests.integrations.flask.site import Site, message_of, told


def test_a_session_that_contexts_share_is_settled_where_its_transaction_began(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    app = plain()
    session = Session(scene.admin)
    mail = Mail(app, session=session)

    def queued() -> int:
        return scene.count()

    with app.app_context():
        session.execute(READ)
        with app.app_context():
            mail.send(message_of())
        assert queued() == 0
        session.execute(text("DELETE FROM outbox_session"))
        mail.send(message_of())
        with app.app_context():
            session.execute(READ)
        session.commit()
        assert queued() == 2
        with app.app_context():
            session.execute(READ)
            mail.send(message_of())
        assert queued() == 3
    session.close()
    assert told(caplog) == []


def test_a_transaction_from_before_the_context_is_settled_at_its_end(scene: Scene) -> None:
    app = plain()
    session = Session(scene.admin)
    mail = Mail(app, session=session)
    session.execute(READ)
    with app.app_context():
        mail.send(message_of())
    assert scene.count() == 1
    session.close()


def test_a_context_that_is_kept_and_pushed_again_ends_each_time(scene: Scene) -> None:
    app = plain()
    session = Session(scene.admin)
    mail = Mail(app, session=session)
    kept = app.app_context()
    for expected in (1, 2):
        with kept:
            session.execute(READ)
            mail.send(message_of())
        assert scene.count() == expected
    with kept:
        session.execute(READ)
    with app.app_context():
        mail.send(message_of())
    assert scene.count() == 3
    session.close()


def test_an_open_transaction_with_a_change_that_nobody_flushed_drops_what_waits(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app = plain()
    session = Session(site.scene.admin)
    mail = Mail(app, session=session)
    with app.app_context():
        session.execute(READ)
        mail.send(message_of())
        session.add(site.Note(text="never committed"))
    session.close()
    assert site.queued() == []
    assert [each["event"] for each in told(caplog)] == ["mails_dropped"]


def test_a_context_that_another_teardown_cuts_short_is_told_of(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    @site.app.teardown_appcontext
    def fail(_exc: BaseException | None) -> None:
        raise ZeroDivisionError

    def view() -> Any:
        session = site.session()
        site.read()
        site.send()
        return session

    with pytest.raises(ZeroDivisionError), site.app.app_context():
        session = view()
    # As Flask-SQLAlchemy would have done, had it come to that.
    session.close()
    gc.collect()
    assert site.queued() == []
    assert [each["event"] for each in told(caplog)] == ["mails_dropped"]
    site.app.teardown_appcontext_funcs.remove(fail)


def test_what_cannot_be_queued_at_the_end_is_raised_and_told_of(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SchemaError("no tables")

    def view() -> None:
        with site.app.app_context():
            site.read()
            site.send()

    monkeypatch.setattr("outbox.integrations.flask.ledger.insert_apart", refuse)
    with pytest.raises(SchemaError, match="no tables"):
        view()
    assert [(each["event"], each["mails"]) for each in told(caplog)] == [("mails_lost", 1)]


SCRIPT = """
import sys
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from outbox.integrations.flask import Mail, Message
app = Flask("script")
app.config.update(MAIL_DEFAULT_SENDER="shop@example.org", SQLALCHEMY_DATABASE_URI=sys.argv[1])
db, mail = SQLAlchemy(app), Mail(app)
app.app_context().push()
db.session.execute(db.text("SELECT 1"))
mail.send(Message("Pushed", ["ada@example.org"], "Hello."))
if sys.argv[2] == "fails":
    raise ZeroDivisionError
"""


@pytest.mark.parametrize("end", ["ends", "fails"])
def test_a_script_that_only_pushes_a_context_has_sent_at_its_end(scene: Scene, end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, scene.url, end], capture_output=True, text=True, check=False
    )
    assert (scene.count(), done.returncode) == ((1, 0) if end == "ends" else (0, 1))
    assert ("mails not queued: 1; the program ended with ZeroDivisionError" in done.stderr) == (
        end == "fails"
    )
