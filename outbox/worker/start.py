"""Start the daemon: reach the database within bounded retries, check it, run the loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from outbox import events
from outbox.errors import DatabaseUnavailableError
from outbox.worker.loop import Daemon

if TYPE_CHECKING:
    from outbox.store.database import Database
    from outbox.worker.notify import Notifier
    from outbox.worker.options import Options

_WAITS = (0.5, 1.0, 2.0, 4.0)


def run(database: Database, options: Options, notifier: Notifier) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Raises DatabaseUnavailableError when the database does not answer within about eight seconds, and
    SchemaError or UnsupportedDatabaseError when the daemon cannot work with it.
    """
    reach(database)

    async def main() -> None:
        daemon = Daemon(database, options, notifier)
        daemon.stop.listen(asyncio.get_running_loop())
        await daemon.run()

    try:
        asyncio.run(main())
    finally:
        database.close()


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
            events.database_unavailable(error)
            time.sleep(wait)
        else:
            return
