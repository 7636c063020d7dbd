"""Commands tell of tables of an older release, not that there are none, or that the database is away."""

import pytest
from sqlalchemy import create_engine

import outbox
from outbox.store.migration import upgrade
from tests.support.calling import refused

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.mark.parametrize(
    "call", [("stats",), ("pause",), ("suppress", "eve@example.org", "--why", "x"), ("top", "--once")]
)
def test_older_tables_are_named_with_both_versions(database_url: str, call: tuple[str, ...]) -> None:
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        outbox.prepare_sqlite(engine)
    with engine.begin() as connection:
        upgrade(connection, "0003")
    engine.dispose()
    code, said = refused(*call, "--database-url", database_url)
    assert (code, "The outbox tables are of version 0003, this release needs" in said) == (78, True), said
