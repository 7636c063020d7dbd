"""What needs no special care on most databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sqlalchemy import bindparam

from outbox.store.schema import delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import (
        Column,
        ColumnElement,
        Connection,
        Engine,
        Select,
        TextClause,
        Update,
    )

    from outbox.store.driver_statement import DriverStatement
    from outbox.store.grants import Action, Role

POOL: dict[str, Any] = {
    "pool_size": 4,
    "max_overflow": 5,
    "pool_timeout": 5,
    # `Database` ends each transaction itself: another ROLLBACK would be a round trip for nothing.
    "pool_reset_on_return": None,
}
"""At most nine connections a daemon, one for each thread that speaks to the database at the same time.

These are the heartbeat, the six duties and the two of `worker/threads.py`: none ever waits for another's.
Four of them stay, since the duties are seldom at work together.
"""


class Inserts(NamedTuple):
    """The statements that insert messages without a key, with their deliveries: one, or many.

    Those of one are found by whether it has one recipient, and whether it has tags.
    """

    one: Mapping[tuple[bool, bool], DriverStatement]
    many: DriverStatement


class PlainDialect:
    """The answers of a database without a trap in that place; the others override them and say why."""

    timeline: ClassVar[TextClause | None] = None
    """Reads which of the servers that follow each other this is, as a number; NULL: it cannot tell now."""

    def inserts(self) -> Inserts | None:
        """Return the statements that insert all of a mail at once, where a database can: here it cannot."""
        return None

    def prepare(self, engine: Engine, silence: float | None) -> None:
        """Prepare the daemon's writing engine: its options say it all."""

    def has_begun(self, driver: Any) -> bool:
        """Tell whether a driver that would commit each statement is inside a transaction all the same."""
        return bool(getattr(driver, "in_transaction", False))

    def cancel(self, driver: Any) -> None:
        """Ask the database to give up what this connection waits for: here nobody can be asked."""

    def descriptor(self, driver: Any) -> int | None:  # noqa: ARG002 - some have one
        """Return the file descriptor of the driver's socket, None where it has none."""
        return None

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list, the parameter `name`."""
        return column.in_(bindparam(name, expanding=True, type_=column.type))

    def locked(self, statement: Select[Any]) -> Select[Any]:
        """Return the read of deliveries, named by their ids, that also locks them, in the order of those."""
        return statement.order_by(delivery.c.id).with_for_update()

    def by_id(self, statement: Update) -> Update:
        """Return the update of deliveries that are named by their ids, so that it touches no others."""
        return statement

    def by_end(self, statement: Select[Any]) -> Select[Any]:
        """Return the read of deliveries of one status in the order in which they ended."""
        return statement

    def read_back(self, statement: Select[Any]) -> Select[Any]:
        """Return the read that follows `insert_or_nothing`: a plain one sees what made it do nothing."""
        return statement

    def largest_message(self, connection: Connection) -> int | None:  # noqa: ARG002 - some ask the server
        """Return None: a row holds 1 GB, far above any limit of ours."""
        return None

    def carried(self, mime: bytes) -> int:
        """Return the bytes of a message on its way to the database: they travel as they are."""
        return len(mime)

    def undoes_statements_alone(self) -> bool:
        """Tell whether the transaction goes on after a failed INSERT: here it ends."""
        return False

    def begin_for_savepoint(self, connection: Connection) -> None:
        """Do nothing: the driver has begun the transaction."""

    def rights(self, role: Role) -> dict[str, dict[Action, tuple[str, ...]]]:
        """Return what a role needs, by table and action; nothing where there are no roles."""
        from outbox.store.grants import rights  # noqa: PLC0415 - no application asks

        return rights(role, key=None)
