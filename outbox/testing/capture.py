"""Take what any Outbox enqueues into memory, in place of a database, while a test runs.

Everything is checked, rendered and composed as ever, so what would raise raises; nothing is inserted.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from outbox.errors import KeyConflictError, SuppressedError
from outbox.intake import Outbox
from outbox.store.transaction import usable_connection
from outbox.testing.fate import ConnectionFate, SessionFate, carrier_of
from outbox.testing.message import Message
from outbox.testing.messages import Messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from outbox.handover import Given


class Captured(Messages):
    """The mails that have been captured so far; those of a transaction that is rolled back disappear."""

    def __init__(self) -> None:
        self._taken: list[Message] = []
        super().__init__(self._taken)
        self._suppressed: dict[str, str] = {}
        self._lock = RLock()
        self._sessions: WeakKeyDictionary[Session, SessionFate] = WeakKeyDictionary()
        self._connections: WeakKeyDictionary[Connection, ConnectionFate] = WeakKeyDictionary()

    def clear(self) -> None:
        """Forget all mails, and their keys, before what the test is about begins."""
        with self._lock:
            self._taken.clear()

    def suppress(self, address: str, why: str = "suppressed by the test") -> None:
        """Let `check_suppressed=True` raise for this address, as if it were on the suppression list."""
        self._suppressed[address.lower()] = why

    def take(
        self,
        outbox: Outbox,
        transaction: object,
        given: Iterable[Given],
        *,
        check_suppressed: bool,
    ) -> list[UUID]:
        """Do what `Outbox.enqueue_many` does, but for the database."""
        carrier = self._begun(transaction)
        new = [_message(outbox, each) for each in given]
        if check_suppressed:
            self._refuse_suppressed(new)
        with self._lock:
            standing = self._standing(new)
            kept = [each for each, id_ in zip(new, standing, strict=True) if each.id == id_]
            self._taken.extend(kept)
            if isinstance(carrier, Session):
                self._sessions[carrier].add(carrier, kept)
            elif carrier is not None:
                self._follow(carrier, kept)
        return standing

    def forget_transactions(self) -> None:
        """Stop listening to sessions and connections: the test is over."""
        for session, fate in self._sessions.items():
            fate.forget(session)
        for connection, fate_ in self._connections.items():
            fate_.forget(connection)

    def _begun(self, transaction: object) -> Session | Connection | None:
        carrier = carrier_of(transaction)
        with self._lock:
            if isinstance(carrier, Session):
                if carrier not in self._sessions:
                    self._sessions[carrier] = SessionFate(carrier, self._drop, self._follow)
                self._sessions[carrier].begin(carrier)
            elif carrier is not None:
                usable_connection(carrier)
        return carrier

    def _follow(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Let these mails share the fate of what is open on `connection`."""
        with self._lock:
            if connection not in self._connections:
                self._connections[connection] = ConnectionFate(connection, self._drop)
            self._connections[connection].add(connection, messages)

    def _refuse_suppressed(self, new: Iterable[Message]) -> None:
        recipients = [recipient for each in new for recipient in each.recipients]
        found = {to: self._suppressed[to.lower()] for to in recipients if to.lower() in self._suppressed}
        if found:
            raise SuppressedError(found)

    def _standing(self, new: Sequence[Message]) -> list[UUID]:
        """Return the id that stands for each: that of the first mail with its key."""
        holders = {each.key: each for each in self._taken}
        standing = []
        for each in new:
            holder = each if each.key is None else holders.setdefault(each.key, each)
            if holder.new.payload_hash != each.new.payload_hash:
                raise KeyConflictError(
                    f"key: {each.key!r} already belongs to message {holder.id}, which has another payload. "
                    "Use one key for one email: put what makes it different into the key."
                )
            standing.append(holder.id)
        return standing

    def _drop(self, messages: Sequence[Message]) -> None:
        with self._lock:
            gone = {each.id for each in messages}
            self._taken[:] = [each for each in self._taken if each.id not in gone]


def _message(outbox: Outbox, given: Given) -> Message:
    prepared = outbox.prepare(given)
    named: dict[str, Any] = {}
    if isinstance(given, dict):
        named = {name: given.get(name) for name in ("template", "context", "locale")}
    return Message(asked=prepared.email, new=prepared.new, **named)


@contextmanager
def captured() -> Iterator[Captured]:
    """Capture, in a `with` block, what every Outbox of this process enqueues, in any thread.

    Any object is good enough for the transaction, also None. In the transaction of a real session or
    connection a mail disappears when that is rolled back. Within another `captured()` only this one takes.
    """
    messages = Captured()

    def enqueue_many(
        self: Outbox,
        transaction: Any,
        emails: Iterable[Given],
        /,
        *,
        check_suppressed: bool = False,
    ) -> list[UUID]:
        return messages.take(self, transaction, emails, check_suppressed=check_suppressed)

    def enqueue_apart(self: Outbox, bind: Any, emails: Iterable[Given], /) -> list[UUID]:
        # What is open on a test's connection decides; else it is committed at once.
        is_open = isinstance(bind, Connection) and bind.in_transaction()
        return messages.take(self, bind if is_open else None, emails, check_suppressed=False)

    async def enqueue_async(self: Outbox, *given: Any, **options: Any) -> UUID:
        return self.enqueue(*given, **options)

    async def enqueue_many_async(self: Outbox, *given: Any, **options: Any) -> list[UUID]:
        return self.enqueue_many(*given, **options)

    doors = {each.__name__: each for each in (enqueue_many, enqueue_apart, enqueue_async, enqueue_many_async)}
    with ExitStack() as stack:
        stack.callback(messages.forget_transactions)
        for name, instead in {**doors, "needs_database": False}.items():
            stack.callback(setattr, Outbox, name, getattr(Outbox, name))
            setattr(Outbox, name, instead)
        yield messages
