"""`outbox check` asks each kind of database what the daemon needs of it."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from outbox import __version__
from outbox.store.database import Database
from outbox.store.grants import Role
from outbox.store.sessions import Sessions
from tests.support.calling import call, value
from tests.support.users import as_role, migrated
from tests.support.waiting import free_port

pytestmark = pytest.mark.usefixtures("alone")
Found = dict[str, tuple[str, str]]
OURS = ("database", "environment", "restore", "daemons")


def check(url: str, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Return level and words of what was found in a database, by subject."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", url)
    monkeypatch.setenv("OUTBOX_SMTP_PORT", str(free_port()))
    monkeypatch.setenv("OUTBOX_SMTP_HOST", "127.0.0.1")
    rows = [json.loads(line) for line in call("check", "--json").stdout.splitlines()]
    return {
        row["subject"]: (row["level"], f"{row['says']}. {row['remedy']}")
        for row in rows
        if row["subject"].startswith(OURS)
    }


def faulty(found: Found) -> dict[str, str]:
    return {name: told[1] for name, told in found.items() if told[0] == "fault"}


def owner_says(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for each in statements:
            connection.execute(text(each))
    engine.dispose()


def test_a_database_that_is_ready_has_no_fault(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(database_url)
    if database_url.startswith("sqlite"):
        Path(make_url(database_url).database or "").chmod(0o660)
        owner_says(database_url, "PRAGMA journal_mode = WAL")
    found = check(as_role(database_url, Role.DAEMON), monkeypatch)
    # Of the test's own machine: its SQLite's release, its MariaDB's settings, and that nobody runs a daemon.
    allowed = {"database, library", "database, size", "database, durability", "daemons"}
    assert {name for name, told in found.items() if told[0] != "ok"} <= allowed, found
    assert {"database", "database, tables", "database, clock", "database, version"} <= set(found)
    assert len(found) >= 10


def test_missing_tables_are_told_once_and_what_needs_no_table_is_looked_at(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(database_url)
    engine.connect().close()
    engine.dispose()
    found = check(database_url, monkeypatch)
    assert [*faulty(found)] == ["database, tables"]
    assert "outbox db upgrade" in found["database, tables"][1]
    assert found["database, clock"][0] == "ok"
    assert found["daemons"] == ("unchecked", "it needs the tables. ")


def test_a_database_that_is_away_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(f"postgresql://app:geheim@127.0.0.1:{free_port()}/app", monkeypatch)
    assert [*found] == ["database"]
    assert "geheim" not in found["database"][1]
    assert found["database"][1].endswith("Start it, or correct OUTBOX_DATABASE_URL.")


@pytest.mark.parametrize("role", [Role.READER, Role.APP])
def test_rights_that_the_daemon_lacks_are_named(
    role: Role, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(postgresql_url)
    found = check(as_role(postgresql_url, role), monkeypatch)
    told = faulty(found)
    assert "UPDATE on outbox_delivery" in told["database, rights"]
    assert "INSERT on outbox_attempt" in told["database, rights"]
    assert ("SELECT on outbox_delivery" in told["database, rights"]) == (role is Role.APP)
    assert "outbox db grants" in told["database, rights"]
    assert "outbox_attempt_id_seq" in told["database, sequence"]


def test_the_rights_of_a_mariadb_user_are_tried(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(mysql_url)
    name = f"o{uuid4().hex[:12]}"
    database = make_url(mysql_url).database
    owner_says(
        mysql_url,
        f"CREATE USER '{name}'@'%' IDENTIFIED BY 'geheim'",
        f"GRANT SELECT ON {database}.* TO '{name}'@'%'",
    )
    try:
        user = make_url(mysql_url).set(username=name, password="geheim")
        found = check(user.render_as_string(hide_password=False), monkeypatch)
    finally:
        owner_says(mysql_url, f"DROP USER '{name}'@'%'")
    assert "UPDATE on outbox_delivery" in faulty(found)["database, rights"]
    assert "SELECT on" not in found["database, rights"][1]
    assert "geheim" not in str(found)


@pytest.mark.parametrize(
    ("setting", "subject", "level", "words"),
    [
        ("default_transaction_isolation = 'serializable'", "isolation", "warning", "serializable"),
        ("synchronous_commit = off", "durability", "warning", "synchronous_commit is off"),
        ("default_transaction_read_only = on", "writing", "fault", "transactions only read here"),
    ],
)
def test_what_the_settings_of_postgresql_cost_is_told(
    setting: str, subject: str, level: str, words: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(postgresql_url)
    database = make_url(postgresql_url).database
    owner_says(postgresql_url, f'ALTER DATABASE "{database}" SET {setting}')
    found = check(as_role(postgresql_url, Role.DAEMON), monkeypatch)
    told = found[f"database, {subject}"]
    assert (told[0], words in told[1]) == (level, True), told


def test_a_packet_that_is_smaller_than_a_message_is_warned_of(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(mysql_url)
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "2000000000")
    found = check(mysql_url, monkeypatch)
    assert found["database, size"][0] == "warning"
    assert "or lower OUTBOX_MAX_SIZE" in found["database, size"][1]
    monkeypatch.setenv("OUTBOX_MAX_SIZE", "1000")
    assert check(mysql_url, monkeypatch)["database, size"][0] == "ok"


def test_a_table_without_transactions_is_a_fault(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(mysql_url)
    owner_says(mysql_url, "ALTER TABLE outbox_meta ENGINE = MyISAM")
    assert "outbox_meta (MyISAM)" in faulty(check(mysql_url, monkeypatch))["database, engine"]


def test_a_file_that_others_may_open_and_another_journal_mode_are_warned_of(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(sqlite_url)
    file = Path(make_url(sqlite_url).database or "")
    file.chmod(0o664)
    # Nobody comes to it through a directory that is closed, as the unit's StateDirectory is.
    file.parent.chmod(0o700)
    assert check(sqlite_url, monkeypatch)["database, file"][0] == "ok"
    file.parent.chmod(0o755)
    found = check(sqlite_url, monkeypatch)
    assert found["database, file"][0] == "warning"
    assert found["database, journal mode"][0] == "warning"
    owner_says(sqlite_url, "PRAGMA journal_mode = WAL")
    assert check(sqlite_url, monkeypatch)["database, journal mode"][0] == "ok"


def test_daemons_are_seen_as_they_live(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(database_url)
    assert check(database_url, monkeypatch)["daemons"][0] == "warning"
    database = Database(database_url)
    try:
        Sessions(database).start(uuid4(), host="web1", pid=17, version=__version__, ttl=600)
        assert check(database_url, monkeypatch)["daemons"] == (
            "ok",
            f"process 17 on web1, email-outbox {__version__}, works. ",
        )
    finally:
        database.close()


@pytest.mark.usefixtures("outbox_here")
def test_a_silent_daemon_and_one_of_another_release_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database("sqlite:///outbox.sqlite3")
    Sessions(database).start(uuid4(), host="old", pid=1, version="0.0.9", ttl=600)
    database.close()
    assert (
        "email-outbox 0.0.9 works, and here is"
        in check("sqlite:///outbox.sqlite3", monkeypatch)["daemons"][1]
    )
    value("UPDATE outbox_session SET beat_at = '2026-01-01 00:00:00.000000'")
    done = call("check")
    assert "is silent for" in done.stdout
    assert "none works on this database" in done.stdout
