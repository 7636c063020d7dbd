"""Start the daemon: reach the database within bounded retries, check it, run the loop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from outbox import events
from outbox.errors import EX_TEMPFAIL, DatabaseUnavailableError
from outbox.store.permission import permission
from outbox.worker.heap import return_large_blocks
from outbox.worker.loop import Daemon
from outbox.worker.permit import refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.store.database import Database
    from outbox.worker.notify import Notifier
    from outbox.worker.options import Options
    from outbox.worker.vitals import Vitals

_WAITS = (0.5, 1.0, 2.0, 4.0)
_PATIENCE = 1.0


def run(
    database: Database,
    options: Options,
    notifier: Notifier,
    watch: Callable[[Vitals], None] = lambda _: None,
) -> None:
    """Run the daemon until SIGTERM or SIGINT; `watch` gets its vitals when it begins.

    Raises DatabaseUnavailableError when the database refuses for about eight seconds, or is silent for about
    a minute; SchemaError or UnsupportedDatabaseError when the daemon cannot work with it, and
    EnvironmentMismatchError when it must not.
    """
    return_large_blocks()

    async def main() -> None:
        daemon = Daemon(database, options, notifier)
        daemon.stop.listen(asyncio.get_running_loop())
        watch(daemon.vitals)
        await daemon.run()

    try:
        meet(database, options)
        asyncio.run(main())
    finally:
        database.close()
        _leave_hung_threads()


def meet(database: Database, options: Options) -> None:
    """Reach the database within bounded retries, and check that the daemon may and can work with it."""
    reach(database)
    refuse_foreign(database.read(permission).environment, options.environment)


def _leave_hung_threads() -> None:
    """End the process now where a thread hangs in the database: Python would wait for it at its exit."""
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    for thread in others:
        if not thread.daemon:
            thread.join(_PATIENCE)
            if thread.is_alive():
                logging.shutdown()
                os._exit(EX_TEMPFAIL)


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
