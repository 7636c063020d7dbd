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
    from outbox.delivery.relay import Relay
    from outbox.delivery.retry import RetryPolicy
    from outbox.store.database import Database
    from outbox.worker.notify import Notifier

_WAITS = (0.5, 1.0, 2.0, 4.0)


def run(
    database: Database,
    relay: Relay,
    policy: RetryPolicy,
    notifier: Notifier,
    *,
    connections: int,
    poll_interval: float,
    lease_ttl: float,
) -> None:
    """Run the daemon until SIGTERM or SIGINT. Times are seconds.

    Raises DatabaseUnavailableError when the database does not answer within about eight seconds, and
    SchemaError or UnsupportedDatabaseError when the daemon cannot work with it.
    """
    reach(database)

    async def main() -> None:
        daemon = Daemon(
            database,
            relay,
            policy,
            notifier,
            connections=connections,
            poll_interval=poll_interval,
            lease_ttl=lease_ttl,
        )
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
