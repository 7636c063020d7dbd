"""Serve one daemon's metrics and health, from before it reaches its database until it has ended."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from outbox import events
from outbox.errors import ListenError
from outbox.metrics.collector import OutboxCollector
from outbox.metrics.depths import Depths
from outbox.metrics.server import Page, Server, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from outbox.store.database import Database
    from outbox.worker.vitals import Vitals


class Service:
    """The pages of one daemon; `watch` tells which one, when it begins."""

    def __init__(self, depths: Depths) -> None:
        self._vitals: Vitals | None = None
        self._depths = depths
        self._collector = OutboxCollector(lambda: self._vitals, depths.latest, ())
        # A registry of its own: two daemons in one process share nothing.
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        ProcessCollector(registry=self._registry)
        self.pages: dict[str, Callable[[], Page]] = {
            "/metrics": self._metrics,
            "/healthz": self._health,
            "/readyz": self._readiness,
        }

    def watch(self, vitals: Vitals, streams: Iterable[str], database: Database | None) -> None:
        """Tell of this daemon from now on, and of the queue of its `database` where that is another one."""
        self._collector.name(streams)
        if database is not None:
            self._depths.turn_to(database)
        self._vitals = vitals

    def _metrics(self) -> Page:
        return Page(HTTPStatus.OK, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)

    def _health(self) -> Page:
        return _verdict(None if self._vitals is None else self._vitals.why_unhealthy())

    def _readiness(self) -> Page:
        if self._vitals is None:
            return _verdict("the daemon is starting")
        return _verdict(self._vitals.why_not_ready())


def _verdict(problem: str | None) -> Page:
    if problem is None:
        return plain(HTTPStatus.OK, "ok")
    return plain(HTTPStatus.SERVICE_UNAVAILABLE, problem)


@contextmanager
def served(host: str, port: int, database: Database) -> Iterator[Service]:
    """Serve at `host` and `port`; give what is to know whose vitals. `database` is for this alone.

    Raises ListenError where nobody can listen there.
    """
    depths = Depths(database)
    try:
        service = Service(depths)
        try:
            server = Server(host, port, service.pages)
        except OSError as error:
            raise ListenError(host, port, error) from error
        events.metrics_served(host, server.server_port)
        try:
            yield service
        finally:
            server.close()
    finally:
        depths.close()
