"""Watch the transactions of SQLAlchemy sessions: listen to what they begin, execute and end.

Every session is watched, before anybody knows which of them will send mail: it costs a processor about twenty
microseconds a transaction, and ten a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, SessionTransaction

from outbox.integrations.flask.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

_KEY = "outbox.integrations.flask"


def watched(session: Session) -> Watched:
    """Return what is known of the session's present transaction."""
    if _KEY not in session.info:
        session.info[_KEY] = Watched(session)
    found: Watched = session.info[_KEY]
    return found


def watch_sessions() -> None:
    """Watch every session of this process from now on; again changes nothing."""
    for target, name, listener in _LISTENERS:
        if not event.contains(target, name, listener):
            event.listen(target, name, listener)


def _after_begin(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    # Weak: this stays with the driver's connection, when that is back in its pool. Sessions that were made
    # for one connection share its transaction, and so what any of them writes.
    connection.info.setdefault(_KEY, WeakSet()).add(watched(session))


def _before_cursor_execute(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    # Statements, and not what a session was asked for: they are the same however they were executed.
    for found in connection.info.get(_KEY, ()):
        found.notice(statement)


def _before_commit(session: Session) -> None:
    # The release of a savepoint calls itself a commit, too.
    if (found := session.info.get(_KEY)) and not session.in_nested_transaction():
        found.commit()


def _after_commit(session: Session) -> None:
    if (found := session.info.get(_KEY)) and not session.in_nested_transaction():
        found.entered = 0


def _after_rollback(session: Session) -> None:
    if (found := session.info.get(_KEY)) and not session.in_nested_transaction():
        found.roll_back()


def _after_transaction_end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None and (found := session.info.pop(_KEY, None)):
        found.end()


def _on_left(session: Session, thing: object) -> None:
    if found := session.info.get(_KEY):
        found.leave(thing)


_LISTENERS: tuple[tuple[type, str, Callable[..., None]], ...] = (
    (Session, "after_begin", _after_begin),
    (Engine, "before_cursor_execute", _before_cursor_execute),
    (Session, "before_commit", _before_commit),
    (Session, "after_commit", _after_commit),
    (Session, "after_rollback", _after_rollback),
    (Session, "after_transaction_end", _after_transaction_end),
    (Session, "pending_to_transient", _on_left),
    (Session, "persistent_to_detached", _on_left),
)
