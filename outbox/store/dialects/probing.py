"""How a dialect says what a check asks of its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import false, select

from outbox.findings import Finding, ok
from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection


class Probe(NamedTuple):
    """One question: what it is about, and how it is asked and judged, by itself."""

    subject: str
    ask: Callable[[Connection], Iterable[Finding]]


_SKIP = select(delivery.c.id).where(false()).with_for_update(skip_locked=True)


def skip_locked(connection: Connection) -> Iterable[Finding]:
    """Say the lock by which daemons share a queue; what refuses it raises."""
    connection.execute(_SKIP)
    yield ok("database, locks", "SKIP LOCKED is there, by which daemons share the queue")
