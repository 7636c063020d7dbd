"""Insert mail into the application's session, or apart from it; and what to do where there are no tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakSet

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.orm import Session

from outbox.default import default_outbox, enqueue_many
from outbox.errors import SchemaError
from outbox.handover import Prepared
from outbox.store.schema import message


def insert_into(session: Session, emails: Sequence[Prepared]) -> None:
    """Insert `emails` into the session's transaction, or its savepoint."""
    with _told_for_flask():
        enqueue_many(session, emails)


def insert_apart(bind: Engine | Connection, emails: Sequence[Prepared]) -> None:
    """Insert `emails` in a short transaction of their own."""
    with _told_for_flask():
        default_outbox().enqueue_apart(bind, emails)


class Tables:
    """The databases that are known to have the outbox's tables: each is asked once."""

    def __init__(self) -> None:
        self._known: WeakSet[Engine] = WeakSet()

    def refuse_missing(self, connection: Connection) -> None:
        """Raise SchemaError where there are none; the transaction on `connection` can go on."""
        if connection.engine in self._known:
            return
        if not inspect(connection).has_table(message.name):
            raise _missing()
        self._known.add(connection.engine)


@contextmanager
def _told_for_flask() -> Iterator[None]:
    try:
        yield
    except SchemaError as error:
        raise _missing() from error


def _missing() -> SchemaError:
    return SchemaError("The database has no outbox tables. Create them: flask outbox db upgrade")
