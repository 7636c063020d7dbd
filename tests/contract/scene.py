"""One migrated database with the store on it, and short words for what a test does to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Connection, Engine, Row, create_engine, delete, insert, literal, select, update

from outbox import Outbox, prepare_sqlite
from outbox.mail.status import OnDoubt
from outbox.store.clock import seconds_since, utc_after, utc_now
from outbox.store.database import Database
from outbox.store.dialects import daemon_dialect_of
from outbox.store.grants import Role
from outbox.store.moves import Claim
from outbox.store.queue import Queue
from outbox.store.schema import (
    SessionState,
    attempt,
    delivery,
    gate,
    message,
    session,
    stat,
    suppression,
    tag,
)
from outbox.store.sessions import Sessions
from tests.support.users import as_role

if TYPE_CHECKING:
    from outbox.handover import Fields

TABLES = (attempt, delivery, tag, message, session, gate, suppression, stat)
"""Children first, as they are emptied."""


class Scene:
    """The store as a daemon has it, an application's engine beside it, and the owner's.

    On PostgreSQL each works with the rights of its role: `database` with those of the daemon, `application`
    with those of one that enqueues and asks. What a test does past every rule goes by `admin`. Not `roles`:
    all three are the owner's, for who looks at plans runs each statement where it is watched.
    """

    def __init__(self, url: str, *, roles: bool = True) -> None:
        self.url = url
        self.database = Database(as_role(url, Role.DAEMON) if roles else url)
        self.daemon = daemon_dialect_of(self.database.engine.dialect.name)
        self.queue = Queue(self.database)
        self.sessions = Sessions(self.database)
        self.outbox = Outbox(sender="shop@example.org")
        self.admin: Engine = create_engine(url)
        own_url = as_role(url, Role.CONTROL) if roles else url
        self.application: Engine = self.admin if own_url == url else create_engine(own_url)
        self.is_sqlite = self.admin.dialect.name == "sqlite"
        if self.is_sqlite:
            prepare_sqlite(self.admin)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
        self.application.dispose()
        self.admin.dispose()

    def empty(self) -> None:
        """Delete all rows, and forget where the lanes were."""
        self.queue = Queue(self.database)
        with self.admin.begin() as connection:
            for table in TABLES:
                connection.execute(delete(table))

    @contextmanager
    def another(self) -> Iterator["Scene"]:
        """Give the same database as another daemon on another host sees it."""
        other = Scene(self.url)
        try:
            yield other
        finally:
            other.close()

    def mail(self, count: int = 1, **fields: Any) -> list[int]:
        """Enqueue so many emails and return the ids of their deliveries, in order."""
        email: Fields = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
        email.update(fields)  # type: ignore[typeddict-item] # a test gives what it likes
        with self.application.begin() as connection:
            ids = self.outbox.enqueue_many(connection, [email] * count)
            mine = select(delivery.c.id).where(delivery.c.message_id.in_(ids)).order_by(delivery.c.id)
            return list(connection.execute(mine).scalars())

    def start(self, state: SessionState = SessionState.RUNNING) -> UUID:
        """Start a session and leave it in `state`."""
        me = uuid4()
        self.sessions.start(me, host="host", pid=1, version="1", ttl=60)
        if state is not SessionState.RUNNING:
            with self.admin.begin() as connection:
                connection.execute(update(session).where(session.c.id == me).values(state=state.value))
        return me

    def held(self, count: int = 1, **fields: Any) -> tuple[UUID, list[Claim]]:
        """Enqueue so many emails and claim them for a new session."""
        ids = self.mail(count, **fields)
        me = self.start()
        claims = sorted(self.queue.claim(me, count), key=lambda claim: claim.delivery_id)
        assert ids == [claim.delivery_id for claim in claims]
        return me, claims

    def change(self, ids: int | Sequence[int], **values: Any) -> None:
        """Overwrite columns of deliveries, past every rule."""
        with self.admin.begin() as connection:
            change(connection, [ids] if isinstance(ids, int) else ids, **values)

    def add(self, *statuses: str, on_doubt: OnDoubt = OnDoubt.RESEND) -> UUID:
        """Insert a message whose recipients are in these states, and return its id."""
        id_ = uuid4()
        with self.admin.begin() as connection:
            connection.execute(insert(message).values(message_row(id_) | {"on_doubt": on_doubt.value}))
            for n, status in enumerate(statuses):
                connection.execute(insert(delivery).values(delivery_row(id_, n) | in_state(status)))
        return id_

    def row(self, id_: int) -> Row[Any]:
        """Read a delivery."""
        wanted = select(delivery).where(delivery.c.id == id_)
        return self.database.read(lambda connection: connection.execute(wanted).one())

    def message(self, id_: UUID) -> Row[Any]:
        """Return the row of a message."""
        wanted = select(message).where(message.c.id == id_)
        return self.database.read(lambda connection: connection.execute(wanted).one())

    def rows(self) -> list[Row[Any]]:
        """Read all deliveries in the order of their ids."""
        wanted = select(delivery).order_by(delivery.c.id)
        return list(self.database.read(lambda connection: connection.execute(wanted).all()))

    def attempts(self) -> list[Row[Any]]:
        """Read all attempt rows in the order in which they were written."""
        wanted = select(attempt).order_by(attempt.c.id)
        return list(self.database.read(lambda connection: connection.execute(wanted).all()))

    def since(self, column: Column[Any], id_: int) -> float:
        """Return the seconds from an instant of a delivery, or of its attempt row, to the database's now."""
        owner = delivery.c.id if column.table is delivery else attempt.c.delivery_id
        wanted = select(seconds_since(column)).where(owner == id_)
        return float(self.database.read(lambda connection: connection.execute(wanted).scalar_one()))

    def count(self, table: Any = delivery) -> int:
        """Count the rows of a table."""
        return len(self.database.read(lambda connection: connection.execute(select(table)).all()))


def change(connection: Connection, ids: Sequence[int], **values: Any) -> None:
    """Overwrite columns of deliveries in a transaction that the caller ends."""
    connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(**values))


def ago(seconds: float) -> Any:
    """Return the database's instant so many seconds before its present one."""
    return utc_after(literal(-seconds))


def in_state(status: str) -> dict[str, Any]:
    """Return the columns that a delivery has in this state, so that no CHECK objects."""
    return {
        "status": status,
        "session": uuid4() if status == "sending" else None,
        "finished_at": utc_now() if status in {"sent", "failed", "expired", "cancelled"} else None,
    }


def message_row(id_: UUID) -> dict[str, Any]:
    """Return a row of `outbox_message`."""
    return {
        "id": id_,
        "stream": "default",
        "sender": "shop@example.org",
        "subject": "Hello",
        "message_id": f"<{id_.hex}@example.org>",
        "mime": b"Subject: Hello\r\n\r\n",
        "size": 18,
        "payload_hash": "0" * 64,
        "on_doubt": "resend",
    }


def delivery_row(message_id: UUID, n: int = 0) -> dict[str, Any]:
    """Return a row of `outbox_delivery`."""
    return {
        "message_id": message_id,
        "n": n,
        "recipient": "ann@example.org",
        "stream": "default",
        "size": 18,
    }
