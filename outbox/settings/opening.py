"""Open the database that the settings name; whatever it refuses ends as a sentence that names it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import ArgumentError, DBAPIError

from outbox.errors import DatabaseUnavailableError, OutboxError, SchemaError, SettingsError, missing_tables
from outbox.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from outbox.settings import Settings


_PATIENCE = 600.0
"""Seconds that a command waits in silence: it may ask for what stands in the whole of a large table."""


def opened(
    settings: Settings, *, create: bool = False, silence: float | None = _PATIENCE
) -> AbstractContextManager[Database]:
    """Give the database of `settings`: see `opened_at`."""
    return opened_at(settings.database_url, create=create, silence=silence)


@contextmanager
def opened_at(url: str, *, create: bool = False, silence: float | None = _PATIENCE) -> Iterator[Database]:
    """Give the database at `url`, which may be silent for `silence` seconds, and close it after.

    Raises SchemaError, DatabaseUnavailableError or SettingsError. A missing SQLite file is an error unless
    `create`: opening it would leave an empty one behind, in a directory that may be the wrong one.
    """
    try:
        database = Database(url, silence)
    except (ArgumentError, ValueError):
        # Neither the URL nor the error is shown: both may hold its password.
        raise SettingsError(
            ["database_url: not usable, it is not shown. Give a URL such as postgresql://user@host/name."]
        ) from None
    try:
        if not create:
            _refuse_missing_file(database)
        try:
            yield database
        except DBAPIError as error:
            raise _explained(database, error) from error
        except SchemaError as error:
            if str(error) != str(missing_tables()):
                raise
            raise _of_another_version(database) or error from error.__cause__
    finally:
        database.close()


def _refuse_missing_file(database: Database) -> None:
    url = database.engine.url
    file = url.database or ""
    if url.get_backend_name() == "sqlite" and not file.startswith("file:") and not Path(file).exists():
        raise SchemaError(
            f"There is no database file {file!r}. Create it: outbox db upgrade, "
            "or name another in OUTBOX_DATABASE_URL, or the daemon's settings in OUTBOX_CONFIG."
        )


def _explained(database: Database, error: DBAPIError) -> OutboxError:
    """Return what the error means: a statement that fails on tables of another version does not say so."""
    was_asked = error.statement is not None and not error.connection_invalidated
    other = _of_another_version(database) if was_asked else None
    return other or database.dialect.explain(error) or _unavailable(database, error)


def _of_another_version(database: Database) -> SchemaError | None:
    """Return what tells of the tables that they are not this release's; else None."""
    try:
        database.check()
    except SchemaError as other:
        return other
    except (DBAPIError, OutboxError):
        pass  # what was met first is told
    return None


def _unavailable(database: Database, error: DBAPIError) -> DatabaseUnavailableError:
    # The driver's own words only: the statement and its parameters hold mail.
    cause = " ".join(str(error.orig).split()).rstrip(".")
    return DatabaseUnavailableError(
        f"The database {database.shown} cannot be used: {cause}. Start it, or correct OUTBOX_DATABASE_URL."
    )
