"""Meet a database before a daemon works with it: reach it within bounded retries, and check it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from outbox import events
from outbox.errors import DatabaseUnavailableError
from outbox.store.permission import permission
from outbox.worker.permit import refuse_foreign

if TYPE_CHECKING:
    from outbox.store.database import Database
    from outbox.worker.options import Options

_WAITS = (0.5, 1.0, 2.0, 4.0)


def meet(database: Database, options: Options) -> None:
    """Reach the database within bounded retries, and check that the daemon may and can work with it.

    Raises DatabaseUnavailableError when the database refuses for about eight seconds, or is silent for about
    a minute; SchemaError or UnsupportedDatabaseError when the daemon cannot work with it, and
    EnvironmentMismatchError when it must not.
    """
    reach(database)
    refuse_foreign(database.read(permission).environment, options.environment)


def reach(database: Database) -> None:
    """Check the database, waiting a little for one that is only starting."""
    for wait in (*_WAITS, None):
        try:
            database.check()
        except DBAPIError as error:
            if wait is None:
                raise DatabaseUnavailableError(
                    f"The database {database.shown} does not answer: {error.orig}. "
                    "Start it, or correct OUTBOX_DATABASE_URL."
                ) from error
            events.database_unavailable(error, wait)
            time.sleep(wait)
        else:
            return
