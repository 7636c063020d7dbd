"""`flask outbox …` works with what the application is configured with, and with nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click import Context
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from outbox.cli import command_line
from outbox.errors import SettingsError
from outbox.integrations.flask import Mail
from outbox.integrations.flask.settings import settings_of
from outbox.settings import Settings, load
from outbox.settings.application import told_by
from tests.contract.scene import Scene
from tests.integrations.flask.site import Site
from tests.support.aiosmtpd_server import AiosmtpdServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_settings")

SECRET = "n0body-sees-th1s"
LOGIN = {"MAIL_USERNAME": "shop", "MAIL_PASSWORD": SECRET}


def application(**config: Any) -> Flask:
    app = Flask("application")
    app.config.update(config)
    Mail(app)
    return app


def settings(app: Flask, **flags: Any) -> Settings:
    with app.app_context():
        told = settings_of(app)
    with told_by(told):
        return load(**flags)


def relay(given: Settings) -> tuple[Any, ...]:
    password = given.smtp_password and given.smtp_password.get_secret_value()
    return given.smtp_host, given.smtp_port, given.smtp_tls, given.smtp_username, password


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("127.0.0.1", 25, "none", None, None)),
        ({"MAIL_SERVER": "mx.example.org"}, ("mx.example.org", 25, "none", None, None)),
        ({"MAIL_PORT": 2525}, ("127.0.0.1", 2525, "none", None, None)),
        ({"MAIL_PORT": "2525"}, ("127.0.0.1", 2525, "none", None, None)),
        ({"MAIL_PORT": None, "MAIL_USE_TLS": True}, ("127.0.0.1", 587, "starttls", None, None)),
        ({"MAIL_PORT": 587, "MAIL_USE_TLS": 1, **LOGIN}, ("127.0.0.1", 587, "starttls", "shop", SECRET)),
        ({"MAIL_PORT": 465, "MAIL_USE_SSL": True, **LOGIN}, ("127.0.0.1", 465, "implicit", "shop", SECRET)),
        ({"MAIL_USE_SSL": True, "MAIL_USE_TLS": True}, ("127.0.0.1", 25, "implicit", None, None)),
        ({"MAIL_USERNAME": "shop"}, ("127.0.0.1", 25, "none", None, None)),
        ({"MAIL_USERNAME": "", "MAIL_PASSWORD": ""}, ("127.0.0.1", 25, "none", None, None)),
    ],
    ids=str,
)  # fmt: skip
def test_the_relay_is_the_one_of_mail(config: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert relay(settings(application(**config))) == expected


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("shop@example.org", "shop@example.org"),
        (("Shop", "shop@example.org"), "Shop <shop@example.org>"),
        (("Tea, hot", "shop@example.org"), '"Tea, hot" <shop@example.org>'),
        (None, None),
    ],
)
def test_the_sender_is_the_default_one(sender: Any, expected: str | None) -> None:
    assert settings(application(MAIL_DEFAULT_SENDER=sender)).sender == expected


def test_the_environment_wins_over_mail_and_a_flag_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(MAIL_PORT=2525, OUTBOX_STORM_LIMIT=7)
    monkeypatch.setenv("OUTBOX_SMTP_PORT", "2626")
    monkeypatch.setenv("OUTBOX_STORM_LIMIT", "8")
    assert (settings(app).smtp_port, settings(app, smtp_port=2727).smtp_port) == (2626, 2727)
    assert (settings(app).storm_limit, settings(app, storm_limit=9).storm_limit) == (7, 9)


@pytest.mark.parametrize("place", ["environment", "file", "configuration"])
def test_another_relay_gets_neither_port_nor_password_of_mail(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    app = application(MAIL_PORT=587, MAIL_USE_TLS=True, MAIL_DEFAULT_SENDER="a@example.org", **LOGIN)
    if place == "environment":
        monkeypatch.setenv("OUTBOX_SMTP_HOST", "other.example.org")
    elif place == "file":
        Path("outbox.toml").write_text('smtp_host = "other.example.org"')
    else:
        app.config["OUTBOX_SMTP_HOST"] = "other.example.org"
    found = settings(app)
    assert relay(found) == ("other.example.org", 587, "starttls", None, None)
    assert found.sender == "a@example.org"


def test_a_password_without_tls_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="could be read on its way") as raised:
        settings(application(**LOGIN))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"MAIL_PORT": "smtp"}, "smtp_port (app.config MAIL_PORT): not usable: 'smtp'. Give a whole number"),
        ({"OUTBOX_SMTP_PROT": 1}, "smtp_prot (app.config OUTBOX_SMTP_PROT): there is no such setting. Did"),
        ({"OUTBOX_DATABASE_URL": SECRET}, "database_url (app.config OUTBOX_DATABASE_URL): this is no URL"),
    ],
    ids=str,
)  # fmt: skip
def test_a_fault_names_the_place_in_the_configuration(config: dict[str, Any], expected: str) -> None:
    result = application(**config).test_cli_runner().invoke(args=["outbox", "config", "check"])
    assert result.exit_code == 78
    assert expected in result.output
    assert SECRET not in result.output


def test_the_database_is_that_of_the_session(site: Site) -> None:
    run = site.app.test_cli_runner()
    done = run.invoke(args=["outbox", "db", "upgrade"])
    assert (done.exit_code, done.output[:4]) == (0, "OK: ")
    with site.app.app_context():
        site.send("Listed")
    assert "Listed" in run.invoke(args=["outbox", "list"]).output
    sent = run.invoke(
        args=["outbox", "send", "--to", "ada@example.org", "--subject", "By hand", "--text", "x"]
    )
    assert (sent.exit_code, site.queued()) == (0, ["By hand", "Listed"])  # fmt: skip


@pytest.mark.parametrize("exists", [True, False])
def test_missing_tables_name_the_command_that_makes_them_in_the_same_database(
    tmp_path: Path, *, exists: bool
) -> None:
    file = tmp_path / "empty.sqlite3"
    if exists:
        file.touch()
    app = application(OUTBOX_DATABASE_URL=f"sqlite:///{file}")
    output = app.test_cli_runner().invoke(args=["outbox", "list"]).output
    assert ": flask outbox db upgrade, or " in output


def test_a_given_session_names_the_database(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    app = Flask("given")
    Mail(app, session=Session(engine))
    assert settings(app).database_url == sqlite_url
    app.config["OUTBOX_DATABASE_URL"] = "sqlite:///other.sqlite3"
    assert settings(app).database_url == "sqlite:///other.sqlite3"
    engine.dispose()


def test_without_a_session_the_database_is_the_one_that_mail_goes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "postgresql://db.example.org/shop")
    app = application()
    assert settings(app).database_url == "postgresql+psycopg://db.example.org/shop"
    app.config["OUTBOX_DATABASE_URL"] = "mysql://db.example.org/shop"
    assert settings(app).database_url == "mysql+pymysql://db.example.org/shop"


def test_the_whole_command_line_is_there() -> None:
    run = application().test_cli_runner()
    shown = run.invoke(args=["outbox", "--help"]).output
    assert shown.startswith("Usage: flask outbox ")
    assert run.invoke(args=["outbox", "db", "upgrade", "-h"]).output.startswith(
        "Usage: flask outbox db upgrade"
    )
    for verb in command_line.list_commands(Context(command_line)):
        told = run.invoke(args=["outbox", verb, "--help"])
        assert (told.exit_code, told.output.startswith(f"Usage: flask outbox {verb}")) == (0, True), verb
    assert run.invoke(args=["outbox", "brew"]).exit_code == 64
    assert "outbox " in run.invoke(args=["--help"]).output  # fmt: skip


def test_flask_outbox_itself_hears_of_no_application() -> None:
    with told_by(settings_of(application(MAIL_SERVER="mx.example.org"))):
        assert load().smtp_host == "mx.example.org"
    assert load().smtp_host == "localhost"


APP = """
import os
from click import Context
from flask import Flask
from outbox.integrations.flask import Mail
app = Flask("app")
app.config.update(
    OUTBOX_DATABASE_URL=os.environ["URL"],
    MAIL_PORT=os.environ["PORT"],
    MAIL_DEFAULT_SENDER=("Shop", "shop@example.org"),
)
mail = Mail(app)

@app.get("/")
def index():
    mail.send_message("Hello", ["ada@example.org"], "Hello.")
    return "OK"
"""


def test_a_mail_of_a_view_arrives_by_flask_outbox_run(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    root = str(Path(__file__).resolve().parents[3])
    visit = "import app; assert app.app.test_client().get('/').status_code == 200"
    with AiosmtpdServer() as server:
        told = {
            **os.environ,
            "PYTHONPATH": root,
            "URL": scene.url,
            "PORT": str(server.port),
            "OUTBOX_SMTP_PIPELINING": "off",
        }
        python = [sys.executable, "-c", visit]
        subprocess.run(python, env=told, cwd=tmp_path, check=True, capture_output=True)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "outbox", "run"],
            env=told, cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            wait_until(lambda: bool(server.mails), "the mail arrives")
        finally:
            daemon.send_signal(signal.SIGTERM)
            _, said = daemon.communicate(timeout=30)
    assert (daemon.returncode, len(server.mails)) == (0, 1), said
    assert server.mails[0][0] == "ada@example.org"


def test_an_application_with_databases_for_some_models_only_has_its_commands(tmp_path: Path) -> None:
    app = application(SQLALCHEMY_BINDS={"other": f"sqlite:///{tmp_path / 'other.sqlite3'}"})
    SQLAlchemy(app)
    assert app.test_cli_runner().invoke(args=["outbox", "--version"]).exit_code == 0
    assert settings(app).database_url == "sqlite:///outbox.sqlite3"
