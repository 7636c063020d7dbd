"""What the daemon is told: which source wins, which defaults hold, and how faults read."""

import os
from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load
from outbox.settings.hosts import is_domain, valid_hello

pytestmark = pytest.mark.usefixtures("no_settings")


def faults(**flags: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    return caught.value.faults


def test_nothing_needs_to_be_set() -> None:
    settings = load()
    assert settings.database_url == "sqlite:///outbox.sqlite3"
    assert (settings.smtp_host, settings.smtp_tls, settings.smtp_port) == ("localhost", "starttls", 587)
    assert (settings.smtp_username, settings.smtp_password, settings.smtp_ca_file) == (None, None, None)
    assert settings.smtp_hello is None
    assert settings.smtp_allow_plaintext_auth is False
    assert (settings.connections, settings.poll_interval, settings.lease_ttl) == (4, 0.5, 60)
    assert (settings.retry_base, settings.retry_cap, settings.doubt_pause) == (300, 4000, 600)
    assert (settings.sender, settings.templates, settings.max_size) == (None, (), None)


def test_flag_beats_environment_beats_credential_beats_file_beats_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("outbox.toml").write_text(
        "connections = 1\npoll_interval = 7\n"
        'smtp_host = "file"\nsmtp_username = "file"\nsmtp_password = "file"\n'
    )
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "outbox_smtp_password").write_text("credential\n")
    (credentials / "outbox_smtp_username").write_text("credential\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("OUTBOX_SMTP_USERNAME", "environment")
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "environment")
    settings = load(smtp_host="flag", connections=None)
    assert settings.smtp_password is not None
    assert (settings.smtp_host, settings.smtp_username) == ("flag", "environment")
    assert settings.smtp_password.get_secret_value() == "credential"
    assert (settings.connections, settings.poll_interval, settings.retry_base) == (1, 7, 300)


def test_the_file_may_stand_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other.toml"
    elsewhere.write_text("connections = 9")
    monkeypatch.setenv("OUTBOX_CONFIG", str(elsewhere))
    assert load().connections == 9


@pytest.mark.parametrize(
    ("tls", "port"), [("starttls", 587), ("implicit", 465), ("opportunistic", 25), ("none", 25)]
)
def test_the_port_follows_the_protocol_and_the_tls_mode(tls: str, port: int) -> None:
    assert load(smtp_tls=tls).smtp_port == port
    assert load(smtp_tls=tls, smtp_protocol="lmtp").smtp_port == 24
    assert load(smtp_tls=tls, smtp_port=2525).smtp_port == 2525


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("mysql://h/d", "mysql+pymysql://h/d"),
        ("mariadb://h/d", "mariadb+pymysql://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////srv/app.sqlite3", "sqlite:////srv/app.sqlite3"),
    ],
)
def test_a_url_without_a_driver_gets_ours(given: str, used: str) -> None:
    assert load(database_url=given).database_url == used


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"]
)
def test_a_database_that_no_other_process_could_open_is_refused(url: str) -> None:
    assert "database_url (flag --database-url): " in faults(database_url=url)[0]


@pytest.mark.parametrize(
    ("systemd", "given", "expected"),
    [
        (None, None, None),
        ("", None, None),
        ("/var/lib/outbox", None, Path("/var/lib/outbox")),
        ("/var/lib/outbox:/var/lib/more", None, Path("/var/lib/outbox")),
        ("/var/lib/outbox", "/srv/outbox", Path("/srv/outbox")),
    ],
)
def test_the_state_directory_is_that_of_the_unit_unless_another_is_given(
    systemd: str | None, given: str | None, expected: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if systemd is not None:
        monkeypatch.setenv("STATE_DIRECTORY", systemd)
    assert expected == load(state_dir=given).state_dir


def test_the_names_of_the_application_side_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SENDER", "shop@example.org")
    monkeypatch.setenv("OUTBOX_TEMPLATES", os.pathsep.join(["/a", "", "b"]))
    monkeypatch.setenv("OUTBOX_TRANSLATIONS", "po")
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "1000")
    monkeypatch.setenv("OUTBOX_TEST_MYSQL_URL", "for the tests")
    settings = load()
    assert (settings.sender, settings.max_size) == ("shop@example.org", 1000)
    assert (settings.templates, settings.translations) == ((Path("/a"), Path("b")), (Path("po"),))
    Path("outbox.toml").write_text('templates = ["c"]')
    monkeypatch.delenv("OUTBOX_TEMPLATES")
    assert load().templates == (Path("c"),)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PORT", "")
    assert load().smtp_port == 587


def test_all_faults_are_reported_at_once_each_with_place_value_and_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PRT", "25")
    Path("outbox.toml").write_text('lease_tll = 3\nretry_base = "no"\n')
    assert set(faults(connections=0, smtp_prt=1, smtp_protocol="esmtp")) == {
        "smtp_prt (flag): there is no such setting. Did you mean smtp_port?",
        "OUTBOX_SMTP_PRT (environment): there is no such setting. Did you mean OUTBOX_SMTP_PORT?",
        "lease_tll (outbox.toml): there is no such setting. Did you mean lease_ttl?",
        "smtp_protocol (flag --smtp-protocol): not usable: 'esmtp'. Give smtp or lmtp.",
        "retry_base (outbox.toml): not usable: 'no'. Give a number of seconds of at least 0.01, such as 300.",
        "connections (flag --connections): not usable: 0. Give a whole number from 1 to 100.",
    }


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        ({"retry_base": 10, "retry_cap": 9}, "below retry_base"),
        ({"smtp_host": "relay:587"}, "without a port"),
        ({"smtp_host": ""}, "this is no host"),
        ({"smtp_hello": "two words"}, "relays would refuse"),
        ({"smtp_hello": "[192.0.2]"}, "relays would refuse"),
        ({"smtp_ca_file": "/nowhere.pem"}, "no such file"),
        ({"lease_ttl": 0.5}, "at least 1"),
        ({"poll_interval": "inf"}, "number of seconds"),
        ({"log_level": "loud"}, "debug, info"),
        ({"max_size": 0}, "at least 1"),
    ],
)
def test_what_cannot_work_is_refused(flags: dict[str, object], fault: str) -> None:
    (said,) = faults(**flags)
    assert fault in said


def test_what_can_work_is_taken() -> None:
    assert load(smtp_host="2001:db8::1", smtp_hello="[IPv6:2001:db8::2]").smtp_host == "2001:db8::1"
    assert load(log_level="warning").log_level == "WARNING"


def test_names_in_other_capitals_and_of_credentials_are_told_like_other_unknown_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in ("outbox_smtp_pasword", "OUTBOX_SMTP_PASSWORD", "somebody_elses"):
        (credentials / name).write_text("geheim")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("outbox_smtp_host", "mail.example.org")
    monkeypatch.setenv("outbox_config", "other.toml")
    Path("outbox.toml").write_text("SMTP_TLS = 'implicit'")
    unknown = "there is no such setting. Did you mean"
    assert set(faults(smtp_username="u")) == {
        f"outbox_smtp_pasword (credential): {unknown} outbox_smtp_password?",
        f"OUTBOX_SMTP_PASSWORD (credential): {unknown} outbox_smtp_password?",
        f"outbox_smtp_host (environment): {unknown} OUTBOX_SMTP_HOST?",
        f"outbox_config (environment): {unknown} OUTBOX_CONFIG?",
        f"SMTP_TLS (outbox.toml): {unknown} smtp_tls?",
    }


def test_a_broken_or_missing_file_is_a_fault_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("outbox.toml").write_text("connections = \n")
    broken, other = faults(smtp_tls="no")
    assert broken.startswith("outbox.toml: it cannot be read: Invalid value (at line 1")
    assert other.startswith("smtp_tls (flag --smtp-tls)")
    monkeypatch.setenv("OUTBOX_CONFIG", "gone.toml")
    assert faults() == (
        "OUTBOX_CONFIG (environment): there is no file 'gone.toml'. Create it, or unset this.",
    )


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://app:geheim@db/app"
    settings = load(smtp_username="u", smtp_password="geheim", database_url=url)
    assert "geheim" not in f"{settings!r} {settings}"
    assert "geheim" not in repr(load(smtp_username="u", smtp_token_command="echo geheim"))
    monkeypatch.setenv("OUTBOX_SMTP_PASSWROD", "geheim")
    command = "gone --secret geheim"
    for said in faults(smtp_password="geheim", smtp_token_command=command, database_url="app:geheim@db"):
        assert "geheim" not in said


def test_a_token_laid_down_where_a_path_belongs_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "outbox_smtp_token_file").write_text("geheim")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert faults(smtp_username="u") == (
        (
            "smtp_token_file (credential outbox_smtp_token_file): there is no such file, or it may not be "
            "read: the value is not shown. Give the path of a readable file."
        ),
    )


@pytest.mark.parametrize(
    ("name", "hello"),
    [
        ("mail.example.org", "mail.example.org"),
        ("web_1", "web-1.localdomain"),
        ("-a-.example.org", "a.example.org"),
        ("", "localhost.localdomain"),
        ("ä.local", "local.localdomain"),
        ("x" * 300, "x" * 63 + ".localdomain"),
    ],
)
def test_any_host_name_becomes_one_that_relays_accept(name: str, hello: str) -> None:
    assert valid_hello(name) == hello
    assert is_domain(hello)
