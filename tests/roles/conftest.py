"""Databases with our tables, granted as `outbox db grants` says, and a user of each role."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from outbox.store.dialects import dialect_of
from outbox.store.grants import Action, Role
from tests.support.databases import MYSQL, POSTGRESQL, fresh_database
from tests.support.users import as_role, migrated


@dataclass(frozen=True, slots=True)
class Granted:
    """A database by the URL of its owner, and by that of a user of each role.

    `key` is what it wants beside INSERT, if anything, of whoever inserts a row unless its key is taken.
    """

    owner: str
    users: dict[Role, str]
    key: Action | None


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def granted(request: pytest.FixtureRequest) -> Iterator[Granted]:
    """Give a database of each kind that has roles, in turn; the tests of a module share it."""
    with _postgresql() if request.param == "postgresql" else _mysql() as database:
        yield database


@contextmanager
def as_owner(granted: Granted) -> Iterator[Connection]:
    """Give a connection that may do everything, and commits each statement."""
    with _connected(granted.owner) as connection:
        yield connection


@contextmanager
def _postgresql() -> Iterator[Granted]:
    with fresh_database(POSTGRESQL) as url:
        migrated(url)
        with _connected(url) as connection:
            # Before PostgreSQL 15 everybody may create tables in this schema; docs/roles.md says so.
            connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
        yield Granted(url, {role: as_role(url, role) for role in Role}, key=None)


@contextmanager
def _mysql() -> Iterator[Granted]:
    suffix, password = secrets.token_hex(6), secrets.token_hex(16)
    names = {role: f"outbox_test_{suffix}_{role.removeprefix('outbox_')}" for role in Role}
    script = dialect_of("mysql").grants().splitlines()
    statements = [line for line in script if line and not line.startswith("--")]
    with fresh_database(MYSQL) as url, _connected(url) as connection:
        migrated(url)
        try:
            for statement in statements:
                connection.execute(text(statement))
            for role, name in names.items():
                connection.execute(text(f"CREATE USER {name} IDENTIFIED BY '{password}'"))
                connection.execute(text(f"GRANT {role} TO {name}"))
                connection.execute(text(f"SET DEFAULT ROLE {role} FOR {name}"))
            users = {
                role: make_url(url).set(username=name, password=password) for role, name in names.items()
            }
            yield Granted(
                url,
                {role: user.render_as_string(hide_password=False) for role, user in users.items()},
                key=Action.UPDATE,
            )
        finally:
            for name in names.values():
                connection.execute(text(f"DROP USER IF EXISTS {name}"))
            # Else the server keeps them, for whatever database has this name next.
            for statement in statements:
                if statement.startswith("GRANT "):
                    undone = statement.replace("GRANT ", "REVOKE ", 1).replace(" TO ", " FROM ")
                    connection.execute(text(undone))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
