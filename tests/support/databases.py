"""A fresh, empty database for one test, on each kind of server that the outbox runs on.

The servers are those of the machine: PostgreSQL on 127.0.0.1:5432 (user postgres, trusted) and MariaDB on
127.0.0.1:3306 (user root, empty password), or the ones in `OUTBOX_TEST_POSTGRESQL_URL` and
`OUTBOX_TEST_MYSQL_URL`. The user of PostgreSQL must be allowed to create databases and roles.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.support.missing import missing
from tests.support.users import PREFIX, drop_users, make_users


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of server: how to reach it, and its words for making and dropping a database."""

    name: str
    variable: str
    default: str
    create: str
    drop: str
    intruders: str | None = None
    has_users: bool = False


POSTGRESQL = Kind(
    name="PostgreSQL",
    variable="OUTBOX_TEST_POSTGRESQL_URL",
    default="postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    create="CREATE DATABASE {}",
    drop="DROP DATABASE {} WITH (FORCE)",
    has_users=True,
)
MYSQL = Kind(
    name="MariaDB",
    variable="OUTBOX_TEST_MYSQL_URL",
    default="mysql+pymysql://root@127.0.0.1:3306/?charset=utf8mb4",
    create="CREATE DATABASE {} CHARACTER SET utf8mb4",
    drop="DROP DATABASE {}",
    # DROP DATABASE waits for the locks of other connections; PostgreSQL's FORCE ends them by itself.
    intruders="SELECT id FROM information_schema.processlist WHERE db = :name",
)


def _connects(kind: Kind, admin: Engine) -> None:
    """Skip the test, or fail it under CI, when the server does not let us in."""
    try:
        admin.connect().close()
    except DBAPIError as error:
        missing(
            f"{kind.name} is missing: nothing usable at {admin.url.render_as_string()} ({error.orig}). "
            f"Start it, or name another in {kind.variable}."
        )


def _drop(kind: Kind, admin: Engine, name: str) -> None:
    with admin.connect() as connection:
        if kind.intruders:
            for (number,) in connection.execute(text(kind.intruders), {"name": name}).all():
                try:
                    connection.execute(text(f"KILL {number}"))
                except DBAPIError:
                    continue  # it left by itself meanwhile
        connection.execute(text(kind.drop.format(name)))
        if kind.has_users:
            drop_users(connection, name)


@contextmanager
def fresh_database(kind: Kind) -> Iterator[str]:
    """Make an empty database on a server of this kind, give its owner's URL, drop it after.

    On PostgreSQL it has users beside its owner, one for each role of the outbox: see `users.py`.
    """
    server: URL = make_url(os.environ.get(kind.variable) or kind.default)
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    _connects(kind, admin)
    name = f"{PREFIX}{secrets.token_hex(6)}"
    with admin.connect() as connection:
        connection.execute(text(kind.create.format(name)))
    try:
        if kind.has_users:
            make_users(admin, name)
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _drop(kind, admin, name)
