"""A short transaction of the outbox's own, for mail that depends on none of the application's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from outbox.store.insert import NewMessage, is_one_statement
from outbox.store.transaction import usable_connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def apart(bind: Engine | Connection, new: Sequence[NewMessage]) -> Iterator[Connection]:
    """Give the connection to insert `new` by, and nothing else; it is committed at the end of the block."""
    if isinstance(bind, Engine) and not bind.dispatch.begin and is_one_statement(bind, new):
        # It is a transaction by itself: without BEGIN and COMMIT, two of three ways to the server and back.
        # Not where somebody listens for the BEGIN, as our own engines do: what says it, or sets something for
        # the transaction, wants one, and a BEGIN by hand would be rolled back with the mail.
        with bind.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        return
    # A test's session may be bound to a connection that is in a transaction: then in a savepoint of that.
    with Session(bind, join_transaction_mode="create_savepoint") as own, own.begin():
        yield usable_connection(own)
