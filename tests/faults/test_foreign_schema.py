"""A daemon of another release than its tables refuses to start, says what to do, and touches nothing."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from alembic import command
from outbox import Outbox, migrate
from outbox.store.migration import VERSION_TABLE, _config
from tests.support.calling import refused

TABLES = (
    "outbox_message",
    "outbox_delivery",
    "outbox_attempt",
    "outbox_session",
    "outbox_gate",
    VERSION_TABLE,
)


def _contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            for table in TABLES
        }


def _make_older(engine: Engine) -> None:
    with engine.begin() as connection:
        command.downgrade(_config(connection=connection), "-1")


def _make_newer(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (_make_older, r"needs \d+. Run: outbox db upgrade"),
        (_make_newer, "does not know. Upgrade the program: pip install --upgrade email-outbox"),
    ],
)
def test_fault_42_a_daemon_leaves_the_tables_of_another_release_alone(
    database_url: str, change: Any, remedy: str
) -> None:
    engine = create_engine(database_url)
    migrate(engine)
    with engine.begin() as connection:
        Outbox(sender="shop@example.org").enqueue(connection, to="ann@example.org", text="Hello.")
    change(engine)
    before = _contents(engine)
    code, said = refused("run", "--database-url", database_url)
    assert code == 78
    assert re.search(remedy, said)
    assert _contents(engine) == before
    engine.dispose()
