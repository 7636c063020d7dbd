"""Start the daemon as the whole of a process, and end the process with it."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING

from outbox.errors import EX_TEMPFAIL
from outbox.worker.heap import return_large_blocks
from outbox.worker.succession import Succession, taken

if TYPE_CHECKING:
    from outbox.worker.notify import Notifier
    from outbox.worker.succession import Read

_PATIENCE = 1.0


def run(read: Read, notifier: Notifier) -> None:
    """Run the daemon by what `read` gives until SIGTERM or SIGINT; on SIGHUP it reads again.

    Raises what `read` raises, DatabaseUnavailableError when the database refuses for about eight seconds, or
    is silent for about a minute; SchemaError or UnsupportedDatabaseError when the daemon cannot work with it,
    and EnvironmentMismatchError when it must not.
    """
    return_large_blocks()
    if notifier.interval is not None and sys.__stderr__ is not None:
        # systemd ends by SIGABRT what its watchdog gives up: then the log says where every thread stood.
        faulthandler.enable(sys.__stderr__)
    try:
        asyncio.run(Succession(read, notifier, taken(read)).run())
    finally:
        _leave_hung_threads()


def _leave_hung_threads() -> None:
    """End the process now where a thread hangs in the database: Python would wait for it at its exit."""
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    for thread in others:
        if not thread.daemon:
            thread.join(_PATIENCE)
            if thread.is_alive():
                logging.shutdown()
                os._exit(EX_TEMPFAIL)
