"""Every command as its user meets it: what it prints, and the exit code that scripts rely on."""

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click import Context

from outbox import __version__
from outbox.cli import command_line
from outbox.settings import Settings
from outbox.store.migration import VERSION_TABLE
from tests.support.calling import MAIL, OUTBOX, call, daemon, refused, value
from tests.support.loading import UNASKED, loaded_by
from tests.support.waiting import free_port, wait_until

pytestmark = pytest.mark.usefixtures("alone")


def test_help_and_version_load_no_verb() -> None:
    heavy = "pydantic,alembic,apscheduler,aiosmtpd,rich,outbox.worker,outbox.settings"
    script = (
        "import sys; from outbox.cli import command_line\n"
        "try: command_line(sys.argv[1:])\n"
        f"finally: print([name for name in '{heavy}'.split(',') if name in sys.modules], file=sys.stderr)"
    )
    for flag, said in (("--help", r"catch +Take every mail"), ("--version", f"outbox {__version__}")):
        done = subprocess.run(
            [sys.executable, "-c", script, flag], capture_output=True, text=True, check=True
        )
        assert re.search(said, done.stdout)
        assert done.stderr == "[]\n"


def test_a_question_about_mail_that_waits_loads_only_what_it_needs() -> None:
    assert call("db", "upgrade").exit_code == 0
    id_ = call(*MAIL).stdout.strip()
    asked = ("--database-url", "sqlite:///outbox.sqlite3")
    for question in (
        ("list",),
        ("show", id_),
        ("why", id_),
        ("suppressions",),
        ("top", "--once"),
        ("stats",),
    ):
        assert UNASKED & loaded_by(*question, *asked) == set(), question


@pytest.mark.parametrize("verb", command_line.list_commands(Context(command_line)))
def test_every_verb_explains_itself(verb: str) -> None:
    assert call(verb, "--help").stdout.startswith(f"Usage: outbox {verb} ")
    assert re.search(rf"^  {verb} +\w", call("--help").stdout, re.MULTILINE)


def test_the_lines_of_a_help_that_are_to_be_copied_stay_lines() -> None:
    assert '\n  zsh:  eval "$(outbox completion zsh)" in ~/.zshrc\n' in call("completion", "--help").stdout


def test_who_closes_standard_output_gets_no_traceback() -> None:
    assert call("db", "upgrade").exit_code == 0
    assert call(*MAIL).exit_code == 0
    script = shlex.join([*OUTBOX, "list"]) + " >&-"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("lst",),
        ("list", "--limit", "0"),
        ("list", "--status", "lost"),
        ("show",),
        ("db", "sql", "--dialect", "oracle"),
        ("send", "--send-at", "tomorrow"),
        ("send", "--attach", "gone.pdf"),
        ("send", "--context", "gone.json"),
        ("send", "--text", "-", "--html", "-"),
        ("catch", "--host", "192.0.2.1"),
    ],
)
def test_a_wrong_call_ends_with_64(args: tuple[str, ...]) -> None:
    assert refused(*args)[0] == 64


def test_all_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PRT", "25")
    code, said = refused("run", "--connections", "0")
    assert code == 78
    assert "OUTBOX_SMTP_PRT (environment): there is no such setting. Did you mean OUTBOX_SMTP_PORT?" in said
    assert "connections (flag --connections): not usable: '0'." in said


def test_every_setting_of_the_daemon_is_a_flag_but_for_secrets() -> None:
    flags = set(re.findall(r"^  (?:-h, )?--([a-z-]+)", call("run", "--help").stdout, re.MULTILINE))
    of_the_application = {"sender", "templates", "translations", "max_size"}
    secrets = {"smtp_password", "smtp_token_command", "log_address_key"}
    no_flags = secrets | {"streams", "relays", "dkim"} | of_the_application
    expected = {name.replace("_", "-") for name in Settings.model_fields if name not in no_flags}
    assert {*expected, "help"} == flags


@pytest.mark.parametrize("url", ["nonsense", "postgresql://a:geheim@h:port/d"])
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    code, said = refused("db", "check", "--database-url", url)
    assert (code, "database_url" in said, "geheim" in said) == (78, True, False)


def test_an_unknown_database_is_a_matter_of_configuration() -> None:
    code, said = refused("list", "--database-url", "oracle://h/d")
    assert (code, "does not run on 'oracle'" in said) == (78, True)


@pytest.mark.usefixtures("outbox_here")
def test_a_ca_file_without_certificates_is_a_matter_of_configuration() -> None:
    Path("empty.pem").touch()
    code, said = refused("run", "--smtp-ca-file", "empty.pem")
    assert (code, "smtp_ca_file: the CA file empty.pem cannot be used" in said) == (78, True)


@pytest.mark.usefixtures("outbox_here")
def test_a_client_certificate_without_its_key_is_a_matter_of_configuration() -> None:
    Path("empty.pem").touch()
    code, said = refused("run", "--smtp-client-cert", "empty.pem")
    assert (code, "smtp_client_cert: empty.pem must hold our certificate" in said) == (78, True)


@pytest.mark.parametrize("args", [("run",), ("list",), ("show", "x"), ("db", "check"), MAIL])
def test_a_missing_database_names_its_command_and_leaves_no_file(args: tuple[str, ...]) -> None:
    code, said = refused(*args)
    assert (code, "outbox db upgrade" in said) == (78, True)
    assert not Path("outbox.sqlite3").exists()


@pytest.mark.parametrize("args", [("run",), ("list",), ("show", "x"), ("db", "check"), MAIL])
def test_missing_tables_name_their_command(args: tuple[str, ...]) -> None:
    Path("outbox.sqlite3").touch()
    code, said = refused(*args)
    assert (code, "outbox db upgrade" in said) == (78, True)


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize("args", [("run",), ("db", "check"), ("db", "upgrade")])
def test_tables_of_a_newer_release_are_left_alone(args: tuple[str, ...]) -> None:
    value(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    code, said = refused(*args)
    assert (code, "version 9999" in said, "Upgrade the program" in said) == (78, True, True)


@pytest.mark.parametrize("args", [("list",), ("db", "check"), ("db", "upgrade"), MAIL])
def test_an_unreachable_database_ends_with_69_and_hides_its_password(args: tuple[str, ...]) -> None:
    url = f"postgresql://app:geheim@127.0.0.1:{free_port()}/app"
    code, said = refused(*args, "--database-url", url)
    assert code == 69
    assert f"app:***@{url.partition('@')[2]}" in said
    assert "geheim" not in said


def test_the_daemon_tries_an_unreachable_database_for_some_seconds() -> None:
    url = f"postgresql://app:geheim@127.0.0.1:{free_port()}/app"
    before = time.monotonic()
    code, said = refused("run", "--database-url", url)
    assert code == 69
    assert 7 < time.monotonic() - before < 30
    assert said.count("WARNING database: ") == 4
    assert f"app:***@{url.partition('@')[2]} does not answer" in said
    assert "geheim" not in said


def test_the_tables_are_made_once_and_checked() -> None:
    said = call("db", "upgrade").stdout
    assert re.fullmatch(
        r"OK: sqlite:///outbox.sqlite3 \(sqlite 3\.[\d.]+\), "
        rf"tables of version \d+, email-outbox {__version__}\n",
        said,
    )
    assert said == call("db", "upgrade").stdout == call("db", "check").stdout


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ((), "AUTOINCREMENT"),
        (("--dialect", "postgresql"), "JSONB"),
        (("--dialect", "mysql"), "ENGINE=InnoDB"),
        (("--dialect", "mariadb"), "ENGINE=InnoDB"),
        (("--database-url", "postgresql://h/d"), "JSONB"),
    ],
)
def test_the_sql_of_the_tables_is_printed_for_each_database(args: tuple[str, ...], word: str) -> None:
    said = call("db", "sql", *args).stdout
    assert "CREATE TABLE outbox_delivery" in said
    assert word in said


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--dialect", "postgresql"), "GRANT SELECT ON outbox_status TO outbox_reader;"),
        (("--database-url", "postgresql://h/d"), "GRANT SELECT ON outbox_status TO outbox_reader;"),
        (("--dialect", "mysql"), "CREATE ROLE IF NOT EXISTS outbox_app;"),
        (("--dialect", "mariadb"), "CREATE ROLE IF NOT EXISTS outbox_app;"),
    ],
)
def test_the_sql_of_the_roles_is_printed_for_each_database_that_has_them(
    args: tuple[str, ...], word: str
) -> None:
    said = call("db", "grants", *args).stdout
    assert said.startswith("-- ")
    assert word in said.splitlines()


def test_sqlite_has_no_roles_and_the_remedy_is_named() -> None:
    code, said = refused("db", "grants")
    assert (code, "SQLite has no roles" in said, "chmod 660" in said) == (78, True, True)


def test_the_printed_sql_makes_the_same_tables() -> None:
    script = call("db", "sql").stdout
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; sqlite3.connect('by.sql').executescript(sys.stdin.read())",
        ],
        input=script,
        text=True,
        check=True,
    )
    assert call("db", "check", "--database-url", "sqlite:///by.sql").exit_code == 0


@pytest.mark.usefixtures("outbox_here")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_stops_in_order(number: int) -> None:
    with daemon(free_port()) as process:
        wait_until(lambda: value("SELECT count(*) FROM outbox_session") == 1, "the daemon has a session")
        process.send_signal(number)
        assert process.wait(30) == 0
    assert value("SELECT state FROM outbox_session") == "stopped"


@pytest.mark.parametrize("verb", ["demo", "catch"])
def test_a_missing_extra_is_named_with_the_command_that_brings_it(verb: str) -> None:
    # As on a machine without it: the name is found nowhere.
    script = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'aiosmtpd': raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Without())\n"
        f"from outbox.cli import main; main(['{verb}'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install 'email-outbox[catch]'" in done.stderr) == (69, True)
    assert "Traceback" not in done.stderr


def test_a_missing_driver_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    code, said = refused("list", "--database-url", "postgresql://h/d")
    assert (code, "pip install 'email-outbox[postgresql]'" in said) == (78, True)


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    with subprocess.Popen(
        [*OUTBOX, "db", "sql"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_the_environment_is_named_shown_and_taken_away() -> None:
    assert call("db", "upgrade").exit_code == 0
    for arguments, said in (
        ((), "none"),
        (("production",), "production"),
        ((), "production"),
        (("--none",), "none"),
        ((), "none"),
    ):
        assert call("db", "environment", *arguments).stdout == f"{said}\n"
    code, told = refused("db", "environment", "x" * 65)
    assert (code, "environment (flag --environment): this is no name" in told) == (78, True)
    assert refused("db", "environment", "x", "--none")[0] == 64
