"""Migrations go up, down and up again beside an application's own, and say what to do when they lack."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text

from alembic import command
from outbox import Outbox, SchemaError, migrate
from outbox.store.migration import VERSION_TABLE, _config, check_schema, print_sql, script_location
from tests.migrations.described import described, views

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def version(connection: Connection) -> str:
    return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one())


def set_version(engine: Engine, number: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{number}'"))


def test_up_down_and_up_again_gives_the_same_schema(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        first = described(connection)
    with engine.begin() as connection:
        command.downgrade(_config(connection=connection), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == [VERSION_TABLE]
        assert views(connection) == []
    migrate(engine)
    with engine.connect() as connection:
        assert first == described(connection)
        assert views(connection) == ["outbox_queue", "outbox_status", "outbox_wait"]


def test_migrating_twice_is_harmless_and_keeps_the_mail(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        Outbox(sender="shop@example.org").enqueue(connection, to="ann@example.org", text="Hello.")
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM outbox_delivery")).scalar_one() == 1
        check_schema(connection)


def test_our_version_stands_beside_the_application_s_own(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
        connection.execute(text("CREATE TABLE orders (id INTEGER)"))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "theirs"
        assert "orders" in inspect(connection).get_table_names()
        assert version(connection) != "theirs"
        check_schema(connection)


def test_a_migration_that_fails_leaves_nothing_where_the_database_can_undo_ddl(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outbox_session (id INTEGER)"))  # in the way of the last table
    with pytest.raises(Exception, match="outbox_session"):
        migrate(engine)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["outbox_session"]
    engine.dispose()


def test_missing_tables_are_told_with_the_command(engine: Engine) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(SchemaError, match=r"no outbox tables.*outbox db upgrade"),
    ):
        check_schema(connection)


def test_tables_that_are_too_new_ask_for_a_newer_program(engine: Engine) -> None:
    migrate(engine)
    set_version(engine, "9999")
    upgrade = (
        r"version 9999, which this release \(version \w+\) does not know.*pip install --upgrade email-outbox"
    )
    with engine.connect() as connection, pytest.raises(SchemaError, match=upgrade):
        check_schema(connection)


def test_tables_that_are_too_old_are_told_with_the_command(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    migrate(engine)
    versions = tmp_path / "versions"
    versions.mkdir()
    for migration in (script_location() / "versions").glob("*.py"):
        (versions / migration.name).write_text(migration.read_text())
    with engine.connect() as connection:
        found = version(connection)
    (versions / "next.py").write_text(f"revision = 'next'\ndown_revision = '{found}'\n")
    monkeypatch.setattr("outbox.store.migration.script_location", lambda: tmp_path)
    words = f"version {found}, this release needs next. Run: outbox db upgrade"
    with engine.connect() as connection, pytest.raises(SchemaError, match=words):
        check_schema(connection)


def test_the_printed_sql_makes_the_same_schema(tmp_path: Path) -> None:
    printed = io.StringIO()
    print_sql("sqlite", printed)
    by_hand, by_us = (create_engine(f"sqlite:///{tmp_path / name}") for name in ("hand", "us"))
    raw = by_hand.raw_connection()
    raw.executescript(printed.getvalue())
    raw.close()
    migrate(by_us)
    with by_hand.connect() as hand, by_us.connect() as us:
        assert described(us) == described(hand)
        assert views(us) == views(hand)
        assert version(us) == version(hand)
        check_schema(hand)
    by_hand.dispose()
    by_us.dispose()


@pytest.mark.parametrize("name", ["postgresql", "mysql"])
def test_the_sql_of_a_server_is_printed_and_makes_the_same_schema(
    request: pytest.FixtureRequest, name: str
) -> None:
    printed = io.StringIO()
    print_sql(name, printed)
    engine = create_engine(request.getfixturevalue(f"{name}_url"))
    script = "\n".join(line for line in printed.getvalue().splitlines() if not line.startswith("--"))
    # PyMySQL takes one statement at a time; there is no semicolon inside of one, as there is in a function.
    statements = [script] if name == "postgresql" else [each.strip() for each in script.split(";")]
    with engine.connect() as connection:
        for statement in statements:
            if statement and statement not in {"BEGIN", "COMMIT"}:
                connection.connection.cursor().execute(statement)
        connection.connection.commit()
    with engine.connect() as connection:
        check_schema(connection)
        by_hand = described(connection)
    with engine.begin() as connection:
        command.downgrade(_config(connection=connection), "base")
    migrate(engine)
    with engine.connect() as connection:
        assert by_hand == described(connection)
    engine.dispose()


def test_a_percent_in_a_url_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "a%20b"
    folder.mkdir()
    engine = create_engine(URL.create("sqlite", database=str(folder / "outbox.sqlite3")))
    migrate(engine)
    with engine.connect() as connection:
        check_schema(connection)
    engine.dispose()


@pytest.mark.parametrize("folder", ["alembic", "alembic/versions", "templates"])
def test_our_folders_are_no_packages(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


def test_importing_alembic_at_the_root_gives_the_library() -> None:
    code = "import alembic; print(alembic.__file__); from alembic import op"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "site-packages" in shown
