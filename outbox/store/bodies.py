"""Read the bytes of messages, and first complete those that plain SQL has inserted.

An empty `message_id` is the mark of a message that nobody has completed. What this writes in its place, and
in the place of the bytes, is written once, before any of it is sent: so every attempt, of any daemon, sends
the same bytes. A message without the mark costs nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from outbox.errors import InvalidEmailError
from outbox.mail.complete import Completed, completed
from outbox.mail.status import OnDoubt
from outbox.store.schema import message
from outbox.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from outbox.store.database import Database

_m = message.c

_Problem = tuple[str, bool]
"""What keeps a completed message from being written, and whether that may pass."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a transaction needs of a message: envelope sender, exact bytes, and its wish in doubt.

    Where `mime` is empty, `problem` may say what is wrong, and `may_pass` that the message is not at fault.
    `traceparent` is what it was enqueued in, or anything that somebody has written there.
    """

    id: UUID
    sender: str
    mime: bytes
    on_doubt: OnDoubt
    problem: str | None = None
    may_pass: bool = False
    traceparent: str | None = None


_COMPLETE = (
    update(message)
    # Whoever comes second must not change what the first may have sent.
    .where(_m.id == bindparam("which", type_=Guid), _m.message_id == "")
    .values(
        mime=bindparam("bytes", type_=_m.mime.type),
        message_id=bindparam("name"),
        subject=case((_m.subject == "", bindparam("title")), else_=_m.subject),
        size=bindparam("length"),
    )
)
# What the database says of the rows, or of our rights to them; anything else is said of the database.
_REFUSALS = (IntegrityError, DataError, ProgrammingError)


class Bodies:
    """The messages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A body that travels as text takes twice as much memory, and PostgreSQL has a choice.
        self._wanted = (
            select(_m.id, _m.sender, _m.mime, _m.on_doubt, _m.message_id, _m.created_at, _m.traceparent)
            .where(database.dialect.among(_m.id, "ids"))
            .execution_options(in_binary=True)
        )

    def messages(self, ids: Collection[UUID]) -> dict[UUID, Message]:
        """Read the messages of these ids, as they are to be sent."""
        rows = self._read(ids)
        found = {row.id: _message(row) for row in rows}
        marked = [row for row in rows if not row.message_id and row.mime]
        return found | self._completed(marked) if marked else found

    def _read(self, ids: Collection[UUID]) -> Sequence[Any]:
        def work(connection: Connection) -> Sequence[Any]:
            return connection.execute(self._wanted, {"ids": list(ids)}).all()

        return self._database.read(work)

    def _completed(self, marked: Iterable[Row[Any]]) -> dict[UUID, Message]:
        """Complete these and write them back; return them as the database has them now."""
        # In one order, so that two daemons never lock the same rows the other way round.
        in_order = sorted(marked, key=lambda row: str(row.id))
        made: dict[UUID, Completed] = {}
        failed: dict[UUID, Message] = {}
        for row in in_order:
            try:
                made[row.id] = completed(row.mime, id=row.id, sender=row.sender, at=row.created_at)
            except InvalidEmailError as error:
                failed[row.id] = _message(row, str(error))
        refused = self._write(made) if made else {}
        failed |= {row.id: _message(row, *refused[row.id]) for row in in_order if row.id in refused}
        written = [row.id for row in in_order if row.id not in failed]
        return failed | {row.id: _message(row) for row in (self._read(written) if written else [])}

    def _write(self, made: dict[UUID, Completed]) -> dict[UUID, _Problem]:
        """Write these in one transaction, or each in its own where one is refused; return which are not."""
        try:
            return self._database.write(lambda connection: self._write_in(connection, made))
        except _REFUSALS as error:
            if len(made) == 1:
                # Without what PostgreSQL adds on further lines: the row, and so the mail.
                why = str(error.orig).partition("\n")[0]
                return dict.fromkeys(made, (f"the database refuses the completed message: {why}", True))
        apart = [self._write({id_: one}) for id_, one in made.items()]
        return {id_: problem for refused in apart for id_, problem in refused.items()}

    def _write_in(self, connection: Connection, made: dict[UUID, Completed]) -> dict[UUID, _Problem]:
        dialect = self._database.dialect
        largest = dialect.largest_message(connection)
        refused: dict[UUID, _Problem] = {}
        for id_, one in made.items():
            size = dialect.carried(one.mime)
            if largest is not None and size > largest:
                why = f"mime: the completed message takes {size} bytes, and the database takes {largest}. "
                refused[id_] = (f"{why}Raise its max_allowed_packet, or insert a smaller one.", False)
                continue
            parameters = {
                "which": id_,
                "bytes": one.mime,
                "name": one.message_id,
                "title": one.subject,
                "length": len(one.mime),
            }
            connection.execute(_COMPLETE, parameters)
        return refused


def _message(row: Row[Any], problem: str | None = None, may_pass: bool = False) -> Message:  # noqa: FBT001, FBT002 - as _Problem
    mime = b"" if problem else row.mime or b""
    return Message(row.id, row.sender, mime, OnDoubt(row.on_doubt), problem, may_pass, row.traceparent)
