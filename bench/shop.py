"""An application: the outbox's tables in a fresh database, and mails from its transactions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

import outbox
from bench.corpus import SENDER, email, recipient
from bench.databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from outbox.handover import Fields

_BATCH = 500


class Shop:
    """An application's way into the database of `url`, which the daemon gets, too."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url)
        if self.engine.dialect.name == "sqlite":
            outbox.prepare_sqlite(self.engine)
        self._outbox = outbox.Outbox(sender=SENDER)

    def enqueue(self, connection: Connection, n: int) -> None:
        """Insert the `n`th mail into a transaction."""
        self._outbox.enqueue(connection, email(n))

    def enqueue_ready(self, connection: Connection, mime: bytes) -> None:
        """Insert a mail that is composed already."""
        self._outbox.enqueue(connection, to=recipient(0), mime=mime)

    def enqueue_many(self, connection: Connection, mails: Iterable[outbox.Email | Fields]) -> None:
        """Insert many into a transaction."""
        self._outbox.enqueue_many(connection, mails)

    def fill(self, mails: int) -> None:
        """Commit so many mails, some in each transaction."""
        for batch in _batches(mails):
            with self.engine.begin() as connection:
                self._outbox.enqueue_many(connection, map(email, batch))

    def fill_at_once(self, mails: int) -> None:
        """Commit so many mails in a single transaction: they are there all at one instant."""
        with self.engine.begin() as connection:
            for batch in _batches(mails):
                self._outbox.enqueue_many(connection, map(email, batch))


@contextmanager
def shop(kind: str) -> Iterator[Shop]:
    """Open an application in a fresh database of this kind that has the outbox's tables."""
    with fresh_database(kind) as url:
        opened = Shop(url)
        try:
            outbox.migrate(opened.engine)
            yield opened
        finally:
            opened.engine.dispose()


def _batches(mails: int) -> Iterator[range]:
    return (range(first, min(first + _BATCH, mails)) for first in range(0, mails, _BATCH))
