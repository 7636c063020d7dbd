"""The users beside the owner of a test's database: one for each role of the outbox.

Each fresh PostgreSQL database has five, named after it, so that runs beside each other on one server do not
meet. The roles themselves are the server's: who needs them creates them, and nobody drops them. On the other
databases, and on servers that a test starts for itself, everybody is the owner.
"""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text

from outbox import migrate
from outbox.store.dialects import dialect_of
from outbox.store.dialects.postgresql_roles import ROLES
from outbox.store.grants import Role

PREFIX = "outbox_test_"
"""How the names of all test databases begin, and so those of their users."""


def as_role(url: str, role: Role) -> str:
    """Return the URL by which the user of a role reaches a database, given its owner's."""
    owner = make_url(url)
    if owner.get_backend_name() != "postgresql" or not (owner.database or "").startswith(PREFIX):
        return url
    return owner.set(username=_user(owner.database or "", role)).render_as_string(hide_password=False)


def migrated(url: str, **options: Any) -> None:
    """Make our tables in a database, and let its users do with them what `outbox db grants` prints.

    `options` go to `create_engine`.
    """
    engine = create_engine(url, **options)
    migrate(engine)
    if as_role(url, Role.APP) != url:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(dialect_of(engine.dialect.name).grants()))
    engine.dispose()


def make_users(admin: Engine, database: str) -> None:
    """Create the users of a database; they have its owner's password."""
    password = admin.url.password
    words = f"LOGIN PASSWORD '{password}'" if password else "LOGIN"
    with admin.connect() as connection:
        connection.execute(text(ROLES))
        for role in Role:
            connection.execute(text(f"CREATE ROLE {_user(database, role)} {words} IN ROLE {role}"))


def drop_users(connection: Connection, database: str) -> None:
    """Drop the users of a database that is gone."""
    for role in Role:
        connection.execute(text(f"DROP ROLE IF EXISTS {_user(database, role)}"))


def _user(database: str, role: Role) -> str:
    return f"{database}_{role.removeprefix('outbox_')}"
