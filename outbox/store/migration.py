"""Bring the tables to the newest version, and tell whether they are there.

Alembic is imported inside the functions: an application that only enqueues never loads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from outbox.errors import SchemaError, UnusableConnectionError, missing_tables
from outbox.store.dialects import dialect_of

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

VERSION_TABLE = "outbox_alembic_version"
_PACKAGE = Path(__file__).resolve().parent.parent


def script_location() -> Path:
    """Return the folder of the migrations: inside an installed package, else at the root of a checkout."""
    installed = _PACKAGE / "_alembic"
    return installed if installed.is_dir() else _PACKAGE.parent / "alembic"


def migrate(engine: Engine) -> None:
    """Create or upgrade the outbox's tables to this release's version; harmless when they are."""
    from sqlalchemy import Engine  # noqa: PLC0415 - as above

    if not isinstance(engine, Engine):
        raise UnusableConnectionError(f"migrate() needs an Engine, not {type(engine).__name__}.")
    with engine.begin() as connection:
        upgrade(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables to version `to` in the caller's transaction; harmless when they are, or are newer."""
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    from alembic import command  # noqa: PLC0415 - lazy, see the module's docstring

    # Every worker of an application may call this at its start: the second one finds nothing to do.
    with dialect_of(connection.dialect.name).lock_migrations(connection):
        _refuse_beside_daemons(connection, to)
        try:
            command.upgrade(_config(connection=connection), to)
        except CommandError:
            # Tables of a newer release: the check says it in our words.
            check_schema(connection)
            raise


def newest() -> str:
    """Return the version that this release needs."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - lazy, see the module's docstring

    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _refuse_beside_daemons(connection: Connection, to: str) -> None:
    """Raise SchemaError where tables would change under a working daemon.

    It could not write down any more what the relay has answered, and the mail would go again.
    """
    found, head = _versions(connection)
    wanted = head if to == "head" else to
    if found is None or found not in _known() or wanted in _passed(found):
        return
    from sqlalchemy import select  # noqa: PLC0415 - as above

    from outbox.store.clock import seconds_since  # noqa: PLC0415 - as above
    from outbox.store.schema import SessionState, session  # noqa: PLC0415 - as above

    living = select(session.c.host, session.c.pid, session.c.ttl).where(
        session.c.state.in_([SessionState.RUNNING.value, SessionState.STOPPING.value]),
        seconds_since(session.c.beat_at) < session.c.ttl,
    )
    if (row := connection.execute(living).first()) is not None:
        raise SchemaError(
            f"The outbox tables are of version {found} and cannot change to {wanted} while a daemon works on "
            f"them: process {row.pid} on {row.host}. Stop all daemons first; one that was killed counts for "
            f"{row.ttl:g} s more."
        )


def print_sql(dialect: str, out: TextIO) -> None:
    """Write the SQL of all migrations for the named SQLAlchemy dialect to `out`."""
    from alembic import command  # noqa: PLC0415 - lazy, see the module's docstring

    config = _config(dialect=dialect)
    config.output_buffer = out
    command.upgrade(config, "head", sql=True)


def check_schema(connection: Connection) -> None:
    """Raise SchemaError, naming the command to run, unless the tables are of this release's version."""
    found, wanted = _versions(connection)
    if found == wanted:
        return
    if found is None:
        raise missing_tables()
    if found in _known():
        raise SchemaError(
            f"The outbox tables are of version {found}, this release needs {wanted}. Run: outbox db upgrade"
        )
    raise SchemaError(
        f"The outbox tables are of version {found}, which this release (version {wanted}) does not know. "
        "Upgrade the program: pip install --upgrade email-outbox"
    )


def _versions(connection: Connection) -> tuple[str | None, str]:
    """Return the version of the tables and the one that this release needs."""
    from alembic.migration import MigrationContext  # noqa: PLC0415 - lazy, see the module's docstring

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision(), newest()


def _known() -> set[str]:
    """Return the versions that this release knows."""
    return _passed(newest())


def _passed(version: str) -> set[str]:
    """Return `version`, which this release knows, and all before it."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - lazy, see the module's docstring

    scripts = ScriptDirectory.from_config(_config()).iterate_revisions(version, "base")
    return {script.revision for script in scripts}


def _config(**attributes: object) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - lazy, see the module's docstring

    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    config.attributes.update(attributes)
    return config
