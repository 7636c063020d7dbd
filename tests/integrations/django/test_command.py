"""`manage.py outbox`: the whole command line, told by Django's settings where database and relay are."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from outbox.errors import SettingsError
from outbox.integrations.django import settings as ours
from outbox.integrations.django.models import Delivery
from outbox.settings import load
from outbox.settings.application import told_by
from tests.integrations.django.folder import Project
from tests.integrations.django.project import BACKEND, HAS_MAILERS
from tests.support.smtp_sink import SmtpSink
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("no_settings")

SEND = """
from django.core.mail import send_mail
send_mail('Tea', 'Hot.', 'shop@example.org', ['ada@example.org'])
"""


def smtp(**options: Any) -> dict[str, Any]:
    """Return the settings that name a relay, in the words of this release of Django."""
    if HAS_MAILERS:
        return {"MAILERS": {"default": {"BACKEND": BACKEND, "OPTIONS": options}}}
    names = {"username": "HOST_USER", "password": "HOST_PASSWORD"}
    return {
        "EMAIL_BACKEND": BACKEND,
        **{f"EMAIL_{names.get(name, name.upper())}": value for name, value in options.items()},
    }


@pytest.fixture
def options() -> Callable[..., Any]:
    """Give a way to load our settings where Django has such SMTP settings."""

    def loaded(**given: Any) -> Any:
        with override_settings(**smtp(**given)), told_by(ours.said_by_django()):
            return load(database_url="sqlite:///x.sqlite3")

    return loaded


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_daemon_runs_on_what_django_knows(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    with SmtpSink() as sink:
        project = Project(tmp_path, kind, url, **smtp(host="127.0.0.1", port=sink.port))
        project.done("migrate")
        project.done("shell", "-c", SEND)
        with subprocess.Popen(
            project.command("outbox", "run", "--poll-interval", "0.05"),
            cwd=tmp_path,
            env=project.environment(),
            stderr=subprocess.PIPE,
            text=True,
        ) as daemon:
            try:
                wait_until(lambda: len(sink.stored()) == 1, "it is sent", timeout=120)
            finally:
                daemon.send_signal(signal.SIGTERM)
            _, log = daemon.communicate(timeout=30)
        assert daemon.returncode == 0, log
        assert "1/1" in project.done("outbox", "list")


def test_the_secrets_of_django_are_never_printed(sqlite_url: str, tmp_path: Path) -> None:
    # A password without TLS is refused, and the refusal names the setting, not the password.
    project = Project(
        tmp_path, "sqlite", sqlite_url, **smtp(host="127.0.0.1", username="shop", password="hunter2")
    )
    project.done("migrate")
    ended = project.manage("outbox", "run")
    assert ended.returncode == 78
    assert "smtp_tls = none the password or token could be read on its way" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


def test_the_command_line_is_the_outbox_s_own(sqlite: str, capsys: pytest.CaptureFixture[str]) -> None:
    def called(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            call_command("outbox", *arguments)
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    assert re.search(r"  list +List messages, newest first\.\n", called()[1])
    assert called("lst")[0] == 64
    assert "Usage: manage.py outbox list" in called("list", "--help")[1]
    code, id_ = called("send", "--to", "ada@example.org", "--subject", "Tea", "--text", "Hot.")
    assert code == 0
    assert "webmaster@localhost" in called("show", id_.strip())[1]
    assert Delivery.objects.using(sqlite).count() == 1
    assert called("hold", "--recipient", "ada@example.org", "--yes", "--note", "look")[0] == 0
    assert "1/1" not in called("list", "--status", "held", "--since", "1h")[1]
    assert Delivery.objects.using(sqlite).get().status == "held"
    assert called("release", id_.strip())[0] == 0
    assert called("pause", "--stream", "bulk", "--why", "look")[0] == 0
    assert "stream bulk" in called("top", "--once")[1]
    assert called("resume", "--stream", "bulk")[0] == 0
    assert called("suppress", "eve@example.org", "--why", "asked")[0] == 0
    assert "eve@example.org" in called("suppressions")[1]


def test_real_settings_of_the_outbox_win(
    options: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = options(host="mail.example.org", port=2525, username="shop", password="s", use_tls=True)
    assert (found.smtp_host, found.smtp_port, found.smtp_tls) == ("mail.example.org", 2525, "starttls")
    assert (found.smtp_username, found.smtp_password.get_secret_value()) == ("shop", "s")
    monkeypatch.setenv("OUTBOX_SMTP_PORT", "587")
    assert options(host="mail.example.org", port=2525, use_tls=True).smtp_port == 587
    assert options(host="mail.example.org", port=465, use_ssl=True).smtp_tls == "implicit"


def test_a_relay_of_the_outbox_s_own_never_gets_django_s_password(
    options: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "other.example.org")
    found = options(host="mail.example.org", username="shop", password="s", use_tls=True)
    assert (found.smtp_host, found.smtp_username, found.smtp_password) == ("other.example.org", None, None)


def test_both_kinds_of_tls_are_refused(options: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match=r"smtp_tls \(Django's .* and Django's .*\): not usable: 'both'"):
        options(host="mail.example.org", use_tls=True, use_ssl=True)


@pytest.mark.parametrize(
    ("kind", "given", "url"),
    [
        ("postgresql", {"HOST": "", "PORT": ""}, "postgresql+psycopg://u:p%40ss@localhost/n"),
        ("postgresql", {"HOST": "/run/pg"}, "postgresql+psycopg://u:p%40ss@:5/n?host=%2Frun%2Fpg"),
        (
            "postgresql",
            {"OPTIONS": {"sslmode": "verify-full", "pool": True, "isolation_level": 1}},
            "postgresql+psycopg://u:p%40ss@h:5/n?sslmode=verify-full",
        ),
        (
            "postgresql",
            {"HOST": "", "PORT": "", "NAME": "", "USER": "", "PASSWORD": "", "OPTIONS": {"service": "shop"}},
            "postgresql+psycopg://?service=shop",
        ),
        (
            "mysql",
            {"OPTIONS": {"ssl": {"ca": "/ca.pem"}, "charset": "utf8mb4"}},
            "mysql+pymysql://u:p%40ss@h:5/n?ssl_ca=%2Fca.pem",
        ),
        (
            "mysql",
            {"HOST": "/run/my.sock", "PORT": ""},
            "mysql+pymysql://u:p%40ss@/n?unix_socket=%2Frun%2Fmy.sock",
        ),
        ("sqlite", {"NAME": "/srv/shop.sqlite3"}, "sqlite:////srv/shop.sqlite3"),
        ("sqlite", {"NAME": "file:shop?mode=memory&cache=shared"}, "sqlite:///:memory:"),
    ],
)
def test_the_daemon_finds_django_s_database(
    kind: str, given: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {"NAME": "n", "USER": "u", "PASSWORD": "p@ss", "HOST": "h", "PORT": "5", "OPTIONS": {}}
    monkeypatch.setattr(connections[kind], "settings_dict", usual | given)
    assert ours._database_url(kind).value == url


def test_an_option_without_a_form_in_a_url_is_named_and_its_value_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "NAME": "n",
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
        "OPTIONS": {"passfile": ["s3cret"]},
    }
    monkeypatch.setattr(connections["postgresql"], "settings_dict", given)
    monkeypatch.setattr(ours, "database", lambda: "postgresql")
    with told_by(ours.said_by_django()):
        with pytest.raises(SettingsError, match=r"whose option 'passfile' has no form in a URL") as caught:
            load()
        assert "s3cret" not in str(caught.value)
        monkeypatch.setenv("OUTBOX_DATABASE_URL", "sqlite:///x.sqlite3")
        assert load().database_url == "sqlite:///x.sqlite3"
