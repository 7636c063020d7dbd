"""Serve metrics where the settings say so."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from outbox.errors import SettingsError
from outbox.settings.listen import parse_listen
from outbox.store.database import Database
from outbox.store.deadline import SILENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outbox.settings import Settings
    from outbox.worker.vitals import Vitals

    Watch = Callable[[Vitals, Settings], None]

MISSING = (
    "metrics_listen: metrics need more packages than are installed. Run: pip install 'email-outbox[metrics]'"
)


@contextmanager
def metrics_of(settings: Settings) -> Iterator[Watch]:
    """Serve the metrics of one daemon, if that is asked for; give the way to say whose, and by what settings.

    Raises SettingsError where the extra is missing, and ListenError where nobody can listen there.
    """
    if settings.metrics_listen is None:
        yield lambda *_: None
        return
    try:
        from outbox.metrics.service import served  # noqa: PLC0415 - the extra may not be installed
    except ImportError as error:
        raise SettingsError([MISSING]) from error
    host, port = parse_listen(settings.metrics_listen)
    # A connection of its own: no work of the daemon waits for a scrape.
    url = settings.database_url
    with served(host, port, Database(url, SILENCE)) as service:

        def watch(vitals: Vitals, now: Settings) -> None:
            nonlocal url
            before, url = url, now.database_url
            service.watch(vitals, now.streams, None if url == before else Database(url, SILENCE))

        yield watch
