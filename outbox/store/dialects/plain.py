"""What needs no special care on most databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection, Engine, Select


class PlainDialect:
    """The answers of a database without a trap in that place; the others override them and say why."""

    def prepare(self, engine: Engine) -> None:
        """Prepare the daemon's writing engine: its options say it all."""

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """Return the condition that `column` is one of a list, the parameter `name`."""
        return column.in_(bindparam(name, expanding=True, type_=column.type))

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
