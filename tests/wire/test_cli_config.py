"""`outbox config` shows what is set and whence, never a secret, and tells all faults at once."""

import json
from pathlib import Path

import pytest

from outbox.settings import Settings
from tests.support.calling import call, refused

pytestmark = pytest.mark.usefixtures("alone")
SECRET = "geheim"


def shown() -> dict[str, tuple[object, str]]:
    rows = [json.loads(line) for line in call("config", "show", "--json").stdout.splitlines()]
    return {row["name"]: (row.get("set", row["value"]), row["from"]) for row in rows}


def test_every_setting_is_shown_with_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "outbox_smtp_password").write_text(SECRET)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/outbox")
    monkeypatch.setenv("OUTBOX_DATABASE_URL", f"postgresql://app:{SECRET}@db/app?sslpassword={SECRET}")
    monkeypatch.setenv("MAIL_DEFAULT_SENDER", "shop@example.org")
    Path("outbox.toml").write_text(
        'smtp_username = "shop"\nallowed_domains = ["a.example", "b.example"]\nlease_ttl = 1234567\n'
    )
    found = shown()
    tables = {"relays", "streams", "dkim"}
    assert set(Settings.model_fields) - tables == set(found)
    assert found["database_url"] == (
        "postgresql+psycopg://app:***@db/app?sslpassword=hidden",
        "environment OUTBOX_DATABASE_URL",
    )
    assert found["smtp_username"] == ("shop", "outbox.toml")
    assert found["smtp_password"] == (True, "credential outbox_smtp_password")
    assert found["smtp_token_command"] == (False, "default")
    assert found["allowed_domains"] == ("a.example, b.example", "outbox.toml")
    assert found["connections"] == ("4", "default")
    assert found["keep_bodies"] == ("30d", "default")
    assert found["lease_ttl"] == ("1234567", "outbox.toml")
    assert found["state_dir"] == ("/var/lib/outbox", "environment STATE_DIRECTORY")
    assert found["sender"] == ("shop@example.org", "environment MAIL_DEFAULT_SENDER")
    assert SECRET not in call("config", "show", "--json").output
    table = call("config", "show").output
    assert SECRET not in table
    assert "set" in next(line for line in table.splitlines() if line.startswith("smtp_password"))


def test_tables_are_shown_by_their_keys_and_a_password_by_its_own_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTBOX_RELAYS__MAIN__PASSWORD", SECRET)
    Path("outbox.toml").write_text(
        '[relays.main]\nurl = "smtps://shop@mail.example.org"\n'
        '[streams.bulk]\nrelay = "main"\nrate = "2/s"\n'
        '[[dkim]]\ndomain = "example.org"\nselector = "s1"\nkey = "s1.pem"\n'
    )
    found = shown()
    assert found["relays.main.host"] == ("mail.example.org", "outbox.toml, url")
    assert found["relays.main.tls"] == ("implicit", "outbox.toml")
    assert found["relays.main.password"] == (True, "environment OUTBOX_RELAYS__MAIN__PASSWORD")
    assert found["streams.bulk.relay"] == ("main", "outbox.toml")
    assert found["streams.bulk.rate"] == ("2/s", "outbox.toml")
    assert found["dkim.1"] == ("s1 of example.org", "outbox.toml")
    assert SECRET not in call("config", "show").output


def test_all_that_is_wrong_is_told_at_once_and_ends_with_78(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_PRT", "25")
    Path("outbox.toml").write_text('conections = 3\nlease_ttl = 0\nsender = "nobody"\n')
    for verb in ("check", "show"):
        code, said = refused("config", verb)
        assert code == 78
        assert (
            "OUTBOX_SMTP_PRT (environment): there is no such setting. Did you mean OUTBOX_SMTP_PORT?" in said
        )
        assert "conections (outbox.toml): there is no such setting. Did you mean connections?" in said
        assert "lease_ttl (outbox.toml): not usable: 0." in said
        assert "sender (outbox.toml): this is no address: 'nobody'." in said


def test_files_that_are_of_no_use_are_told_at_once_too() -> None:
    Path("empty.pem").touch(mode=0o600)
    Path("outbox.toml").write_text(
        'database_url = "oracle://h/d"\nsmtp_ca_file = "empty.pem"\n'
        '[[dkim]]\ndomain = "example.org"\nselector = "s1"\nkey = "empty.pem"\n'
    )
    code, said = refused("config", "check")
    assert code == 78
    assert "database_url: The outbox does not run on 'oracle'" in said
    assert "smtp_ca_file: the CA file empty.pem cannot be used" in said
    assert "dkim: s1 of example.org: the file empty.pem holds no private key" in said


def test_good_settings_are_told_so_with_what_has_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_CONNECTIONS", "2")
    monkeypatch.setenv("MAIL_DEBUG", "1")
    done = call("config", "check")
    assert (done.exit_code, done.stdout) == (0, "OK: 1 setting given, and all can be used.\n")
    assert done.stderr == "Note: MAIL_DEBUG (environment): not used: the daemon logs, as log_level says.\n"
