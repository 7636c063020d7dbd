"""The tables that the code believes in are those that the migrations make, on each database."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, Index, create_engine, inspect

from outbox import migrate
from outbox.store.migration import VERSION_TABLE
from outbox.store.storage import metadata
from tests.migrations.described import described, views


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def is_of(connection: Connection, index: Index) -> bool:
    """Tell whether this index is meant for this kind of database."""
    made = index._ddl_if
    return made is None or made._should_execute(None, index, connection)  # type: ignore[arg-type] # no DDL at hand


def differences(connection: Connection) -> list[Any]:
    def include(thing: Any, _name: Any, kind: str, _reflected: Any, _other: Any) -> bool:
        return kind != "index" or thing.table is None or is_of(connection, thing)

    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": VERSION_TABLE,
            "include_object": include,
            "compare_server_default": False,  # each database words them its own way: compared below
        },
    )
    return list(compare_metadata(context, metadata))


def test_alembic_finds_no_difference_between_code_and_migrations(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert differences(connection) == []


def test_alembic_would_see_a_difference(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox_attempt ADD COLUMN surprise INTEGER")
    with engine.connect() as connection:
        (found,) = differences(connection)
        assert found[0] == "remove_column"


def test_the_database_itself_sees_no_difference(engine: Engine) -> None:
    """Also in what Alembic does not compare: checks, defaults, collations, partial indexes."""
    with engine.begin() as connection:
        metadata.create_all(connection)
        believed = described(connection)
        metadata.drop_all(connection)
    migrate(engine)
    with engine.connect() as connection:
        assert believed == described(connection)
        assert any("CHECK" in part for part in believed)


def test_every_name_of_ours_starts_with_outbox(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        names = [*inspect(connection).get_table_names(), *views(connection)]
        indexes = [
            index["name"] for table in metadata.tables for index in inspect(connection).get_indexes(table)
        ]
    assert all(str(name).startswith("outbox_") for name in [*names, *indexes])
    assert {*metadata.tables, VERSION_TABLE, "outbox_status", "outbox_queue", "outbox_wait"} == {*names}
