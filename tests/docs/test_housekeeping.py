"""The page of housekeeping: its query answers on each database, its settings load, its commands are there."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, insert, text

import outbox
from outbox.cli import command_line
from outbox.settings import load
from outbox.settings.make_options import options_of
from outbox.store.schema import delivery, message, stat
from outbox.worker.options import DAY, Keep
from tests.contract.scene import delivery_row, in_state, message_row
from tests.support.calling import call

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "housekeeping.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    outbox.migrate(engine)
    yield engine
    engine.dispose()


def test_its_query_counts_what_is_there_and_what_was_deleted(engine: Engine) -> None:
    id_, now = uuid4(), datetime.now(UTC)
    since = datetime.combine(now.date(), datetime.min.time(), UTC) - timedelta(days=3)
    with engine.begin() as connection:
        connection.execute(insert(message).values(message_row(id_)))
        for n, status in enumerate(("sent", "sent", "failed", "pending")):
            connection.execute(insert(delivery).values(delivery_row(id_, n) | in_state(status)))
        counted = {"stream": "default", "relay": "main", "status": "sent"}
        for day, deliveries in ((now.date(), 5), (since.date(), 7), (since.date() - timedelta(days=1), 9)):
            connection.execute(insert(stat).values(counted | {"day": day, "deliveries": deliveries}))
        (query,) = blocks("sql")
        given = since if engine.dialect.name == "postgresql" else since.replace(tzinfo=None)
        bound = {"since": str(given) if engine.dialect.name == "sqlite" else given}
        rows = connection.execute(text(query), bound).all()
        found = [(str(row.day), row.status, int(row.deliveries)) for row in rows]
    today = str(now.date())
    assert found == [(str(since.date()), "sent", 7), (today, "failed", 1), (today, "sent", 7)]


@pytest.mark.usefixtures("no_settings")
def test_its_settings_load() -> None:
    (block,) = blocks("toml")
    Path("outbox.toml").write_text(block)
    assert options_of(load()).keep == Keep(7 * DAY, 0.0)


@pytest.mark.usefixtures("no_settings")
def test_its_commands_are_there() -> None:
    assert call("db", "upgrade").exit_code == 0
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 6
    for line in lines:
        _, *args = shlex.split(line, comments=True)
        assert CliRunner().invoke(command_line, args, input="y\n").exit_code == 0, line
    assert call("stats", "--days", "90").exit_code == 0
