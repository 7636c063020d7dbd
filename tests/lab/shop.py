"""An application that never rests: it commits mails, rolls mails back, and keeps its own account of both."""

import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Connection, select

from outbox import Email, OnDoubt
from outbox.store.schema import delivery, message
from tests.lab.oracle import Key, Promise
from tests.support.daemon import Application

_LONGEST = 120
"""Mails in one transaction, at most."""

_REGRETTED = 8
"""One in so many transactions is rolled back."""

_FULL = 600
"""Recipients on their way above which the shop waits: a kill must meet work, not a mountain."""


class Shop:
    """Buys and sells at random in a `with` block, on a thread of its own; what `random` says comes again.

    `arrived` counts the recipients that the relay has seen, or never will. A closed shop may open again.
    """

    def __init__(self, app: Application, random: Random, arrived: Callable[[], int]) -> None:
        self._app = app
        self._random = random
        self._arrived = arrived
        self._n = 0
        self._closed = threading.Event()
        self._thread = threading.Thread()
        self._failure: Exception | None = None
        self.committed: dict[Key, Promise] = {}
        self.committing: dict[Key, Promise] = {}
        """What nobody has answered for: its COMMIT is on its way, or was when the database went away."""
        self.rolled_back: set[Key] = set()

    def trade(self, mails: int, *, keep: bool = True, **fields: Any) -> None:
        """Enqueue so many mails in one transaction, and commit it, or roll it back.

        `fields` are those of each email that are not left to chance.
        """
        emails = [self._email(**fields) for _ in range(mails)]
        with self._app.engine.connect() as connection:
            written = _promises(connection, self._app.outbox.enqueue_many(connection, emails))
            if keep:
                self.committing = written
                connection.commit()
                self.committed |= written
                self.committing = {}
            else:
                connection.rollback()
                self.rolled_back |= written.keys()

    def close(self) -> None:
        """End trading; raise what ended it before."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        try:
            for deal in count():
                if self._closed.wait(self._pause()):
                    return
                if len(self.committed) - self._arrived() < _FULL:
                    self.trade(self._random.randint(1, _LONGEST), keep=deal % _REGRETTED != 0)
        except Exception as error:  # noqa: BLE001 - raised by close()
            self._failure = error

    def _pause(self) -> float:
        """Return seconds: mostly short ones, and now and then one in which the queue runs dry."""
        return (
            self._random.uniform(0.5, 1.5)
            if self._random.random() < 1 / 15
            else self._random.uniform(0, 0.15)
        )

    def _email(self, **fields: Any) -> Email:
        self._n += 1
        recipients = self._random.choice((1, 1, 1, 2, 3))
        wish = self._random.choices(list(OnDoubt), (80, 15, 5))[0]
        size = self._random.choice((20, 20, 500, 5000, 20_000))
        by_chance = {
            "to": [f"n{self._n}-{k}@example.org" for k in range(recipients)],
            "subject": f"Order {self._n}",
            "text": f"{self._n}.\n" + "All is well.\n" * (size // 13),
            "on_doubt": wish,
        }
        return Email(**(by_chance | fields))

    def __enter__(self) -> Self:
        self._closed.clear()
        self._thread = threading.Thread(target=self._run, name="shop")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _promises(connection: Connection, ids: Sequence[UUID]) -> dict[Key, Promise]:
    """Return what these mails are promised, as only their own transaction sees them so far."""
    rows = connection.execute(
        select(message.c.message_id, delivery.c.recipient, message.c.mime, message.c.on_doubt)
        .join(delivery, delivery.c.message_id == message.c.id)
        .where(message.c.id.in_(ids))
    )
    return {
        (name, recipient): Promise(sha256(mime.partition(b"\r\n\r\n")[2]).hexdigest(), OnDoubt(on_doubt))
        for name, recipient, mime, on_doubt in rows
    }
