"""What becomes of captured mail when the transaction that it was enqueued in ends.

A mail is there as soon as it is enqueued, as its own transaction would see it, and is gone when that
transaction or its savepoint is rolled back, or is left without a commit. SQLAlchemy tells; no database is
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from outbox.store.transaction import ENDED_ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outbox.testing.message import Message

Drop: TypeAlias = "Callable[[Sequence[Message]], None]"
HandOn: TypeAlias = "Callable[[Connection, Sequence[Message]], None]"


def carrier_of(transaction: Any) -> Session | Connection | None:
    """Return the session or connection behind what `enqueue` was given.

    None for whatever a test made up, and for a connection of which SQLAlchemy cannot tell how it ends.
    """
    # By the names in its type: the asynchronous ones are not imported for those who do not use them, and a
    # Mock(spec=Session) says that it is an instance, while it has no transaction.
    names = {base.__name__ for base in type(transaction).__mro__}
    if names & {"scoped_session", "async_scoped_session"}:
        return carrier_of(transaction())
    if "AsyncSession" in names:
        return carrier_of(transaction.sync_session)
    if "AsyncConnection" in names:
        return carrier_of(transaction.sync_connection)
    if issubclass(type(transaction), Connection) and transaction.get_execution_options().get(ENDED_ELSEWHERE):
        return None
    return transaction if issubclass(type(transaction), Session | Connection) else None


class SessionFate:
    """The mails of a session, by its open transactions and savepoints.

    A session that was made for a connection may commit into a transaction that was begun there: then its
    mails are handed on, to share the fate of that.
    """

    def __init__(self, session: Session, drop: Drop, hand_on: HandOn) -> None:
        self._drop = drop
        self._hand_on = hand_on
        self._open: dict[SessionTransaction, list[Message]] = {}
        self._committed: SessionTransaction | None = None
        for name, listener in self._listeners():
            event.listen(session, name, listener)

    def begin(self, session: Session) -> None:
        """Begin a transaction where there is none, as the first statement would."""
        if not session.in_transaction():
            session.begin()

    def add(self, session: Session, messages: Sequence[Message]) -> None:
        """Let these mails share the fate of what is innermost."""
        if (innermost := _innermost(session)) is not None:
            self._open.setdefault(innermost, []).extend(messages)

    def forget(self, session: Session) -> None:
        """Listen no more."""
        for name, listener in self._listeners():
            event.remove(session, name, listener)

    def _listeners(self) -> tuple[tuple[str, Callable[..., None]], ...]:
        return ("after_commit", self._note), ("after_transaction_end", self._settle)

    def _note(self, session: Session) -> None:
        self._committed = _innermost(session)

    def _settle(self, session: Session, ended: SessionTransaction) -> None:
        messages = self._open.pop(ended, [])
        if ended is not self._committed:
            self._drop(messages)
        elif ended.parent is not None:  # a savepoint is released into what is around it
            self.add(session, messages)
        elif isinstance(session.bind, Connection) and session.bind.in_transaction():
            self._hand_on(session.bind, messages)


class ConnectionFate:
    """The mails of a connection, each with the savepoints that it was enqueued in."""

    def __init__(self, connection: Connection, drop: Drop) -> None:
        self._drop = drop
        self._open: list[tuple[Message, frozenset[str]]] = []
        for name, listener in self._listeners():
            event.listen(connection, name, listener)

    def add(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Let these mails share the fate of all that is open."""
        savepoints = frozenset(_savepoints(connection))
        self._open.extend((each, savepoints) for each in messages)

    def forget(self, connection: Connection) -> None:
        """Listen no more."""
        for name, listener in self._listeners():
            event.remove(connection, name, listener)

    def _listeners(self) -> tuple[tuple[str, Callable[..., None]], ...]:
        return ("commit", self._keep), ("rollback", self._lose), ("rollback_savepoint", self._lose_within)

    def _keep(self, _: Connection) -> None:
        self._open.clear()

    def _lose(self, _: Connection) -> None:
        self._drop([each for each, _ in self._open])
        self._open.clear()

    def _lose_within(self, _: Connection, name: str, _context: object) -> None:
        self._drop([each for each, savepoints in self._open if name in savepoints])


def _savepoints(connection: Connection) -> Iterator[str]:
    nested = connection.get_nested_transaction()
    while nested is not None:
        # The event of a new savepoint comes before it has its name.
        yield nested._savepoint  # noqa: SLF001
        nested = nested._previous_nested  # noqa: SLF001


def _innermost(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()
