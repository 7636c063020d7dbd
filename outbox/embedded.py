"""The daemon inside an application's own process, for deployments too small for a service of its own.

It sends while the process lives. In production let systemd run `outbox run`: it outlives the deploys of the
application, and its work takes no time from requests.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from outbox import events
from outbox.errors import ForkedError
from outbox.settings import Settings, load
from outbox.settings.make_metrics import metrics_of
from outbox.settings.make_options import options_of
from outbox.settings.opening import opened
from outbox.store.deadline import SILENCE
from outbox.worker.loop import Daemon as Loop
from outbox.worker.meet import meet
from outbox.worker.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.store.database import Database
    from outbox.worker.options import Options
    from outbox.worker.vitals import Vitals


class Daemon:
    """A daemon in a thread: `start()` it after the process has forked, `stop()` it before the process ends.

    `settings` are those of `outbox run` by their names, such as `database_url` and `smtp_host`; what is not
    given comes from the environment and `outbox.toml`. A process that ends without `stop()` is to the mail as
    one that was killed: nothing is lost, and what was in its hands waits for another daemon's rescue.
    """

    def __init__(self, **settings: Any) -> None:
        self._given = settings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._daemon: Loop | None = None
        self._failure: BaseException | None = None
        self._begun = threading.Event()
        self._asked = False
        self._process: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether its thread works; what ended it is raised by `stop()`."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start sending; return when the daemon has looked into its database for the first time.

        Raises SettingsError, DatabaseUnavailableError, SchemaError or what else keeps it from its work, and
        ForkedError in a process that was forked while it ran; then no thread is left. Started again while it
        runs, it goes on as it is; while it stops, it ends first.
        """
        if self.is_running and not self._asked:
            return
        if self._process not in {None, os.getpid()}:
            raise ForkedError
        if self._thread is not None:
            self._thread.join()
        settings = load(**self._given)
        options = options_of(settings)
        if "state_dir" not in settings.model_fields_set:
            # What systemd names is the application's, of which several processes may run a daemon.
            options = replace(options, state_dir=None)
        self._begun.clear()
        self._failure, self._asked = None, False
        self._process = os.getpid()
        # A daemon thread: a process that forgets `stop()` must be able to end.
        self._thread = threading.Thread(
            target=self._run, args=(settings, options), name="outbox", daemon=True
        )
        self._thread.start()
        self._begun.wait()
        if self._failure is not None:
            self.stop()

    def stop(self, timeout: float | None = None) -> bool:
        """Finish what has begun, and end; return whether that took at most `timeout` seconds, None for any.

        Called again it leaves at once, as a second Ctrl-C would. Raises what ended the daemon before.
        """
        if self._thread is None:
            return True
        self._asked = True
        if self._loop is not None and self._daemon is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._loop.call_soon_threadsafe(self._daemon.stop.ask)
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        self._thread = self._loop = self._daemon = None
        if self._failure is not None:
            raise self._failure
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, settings: Settings, options: Options) -> None:
        try:
            with opened(settings, silence=SILENCE) as database, metrics_of(settings) as watch:
                meet(database, options)
                asyncio.run(self._work(database, options, watch))
        # Whatever it was: `start()` or `stop()` raises it in the thread of the application.
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            if self._begun.is_set():
                events.daemon_failed(error)
        finally:
            self._begun.set()

    async def _work(self, database: Database, options: Options, watch: Callable[[Vitals], None]) -> None:
        self._daemon = Loop(database, options, _Begun(self._begun.set))
        watch(self._daemon.vitals)
        self._loop = asyncio.get_running_loop()
        if self._asked:
            self._daemon.stop.ask()
        await self._daemon.run()


class _Begun(Notifier):
    """Tells the thread that waits in `start()`, in place of systemd."""

    def __init__(self, begun: Callable[[], None]) -> None:
        super().__init__(None)
        self._tell = begun

    def ready(self) -> None:
        """Say that the first look into the queue succeeded."""
        self._tell()
