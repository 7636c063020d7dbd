"""Fresh databases for the benchmark, and what each kind of server is called.

The servers are those of this machine, or the ones in `OUTBOX_TEST_POSTGRESQL_URL` and
`OUTBOX_TEST_MYSQL_URL`, as for the tests.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bench.missing import MissingError


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of database server: how to reach it, and its words for making and dropping a database."""

    title: str
    variable: str
    default: str
    create: str
    drop: str


SERVERS = {
    "postgresql": Server(
        title="PostgreSQL",
        variable="OUTBOX_TEST_POSTGRESQL_URL",
        default="postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
        create="CREATE DATABASE {}",
        drop="DROP DATABASE {} WITH (FORCE)",
    ),
    "mariadb": Server(
        title="MariaDB",
        variable="OUTBOX_TEST_MYSQL_URL",
        default="mariadb+pymysql://root@127.0.0.1:3306/?charset=utf8mb4",
        create="CREATE DATABASE {} CHARACTER SET utf8mb4",
        drop="DROP DATABASE {}",
    ),
}
SQLITE = "sqlite"
NAMES = ("postgresql", SQLITE, "mariadb")
ALONE = "alone"
"""What needs no database."""


def title(name: str) -> str:
    """Return what people call this kind of database."""
    return {SQLITE: "SQLite", ALONE: "no database"}.get(name) or SERVERS[name].title


@contextmanager
def fresh_database(name: str) -> Iterator[str]:
    """Make an empty database, give its URL, drop it after."""
    if name == SQLITE:
        with tempfile.TemporaryDirectory(prefix="outbox-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'outbox.sqlite3'}"
        return
    server = SERVERS[name]
    url = make_url(os.environ.get(server.variable) or server.default)
    admin = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    database = f"outbox_bench_{secrets.token_hex(6)}"
    try:
        with admin.connect() as connection:
            connection.execute(text(server.create.format(database)))
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise MissingError(
            f"{server.title} is missing: {reason}. Start it, or name another in {server.variable}."
        ) from error
    try:
        yield url.set(database=database).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(server.drop.format(database)))


def version(name: str) -> str:
    """Return the version of the server, or of the SQLite in this Python."""
    if name == SQLITE:
        engine = create_engine("sqlite://")
    else:
        engine = create_engine(
            os.environ.get(SERVERS[name].variable) or SERVERS[name].default, poolclass=NullPool
        )
    try:
        with engine.connect() as connection:
            sql = "SELECT sqlite_version()" if name == SQLITE else "SELECT version()"
            if name == "postgresql":
                sql = "SHOW server_version"
            return str(connection.execute(text(sql)).scalar())
    except DBAPIError:
        return "missing"
    finally:
        engine.dispose()
