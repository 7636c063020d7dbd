"""Insert messages and their deliveries into the application's own transaction; never commit, never begin."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import DBAPIError

from outbox.errors import KeyConflictError
from outbox.mail.options import searchable
from outbox.mail.stream import DEFAULT
from outbox.store.dialects import dialect_of
from outbox.store.schema import delivery, message, tag
from outbox.store.transaction import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from outbox.store.dialects.plain import Inserts

# Inline: nobody reads the ids that a server gives, and PostgreSQL would return them.
_MESSAGE = insert(message).inline()
_DELIVERY = insert(delivery).inline()
_TAG = insert(tag).inline()
_BY_KEY = select(message.c.idempotency_key, message.c.id, message.c.payload_hash).where(
    message.c.idempotency_key.in_(bindparam("keys", expanding=True, type_=message.c.idempotency_key.type))
)

_PORTION, _PORTION_SIZE = 1_000, 8 * 1024 * 1024
"""Mails, and bytes of them, that one statement inserts."""

_KEYS = 10_000
"""Keys in one read: SQLite takes 32,766 parameters in a statement, PostgreSQL 65,535."""


class NewMessage(NamedTuple):
    """One composed email, ready to insert; `send_at` None means now."""

    id: UUID
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    mime: bytes
    payload_hash: str
    on_doubt: str
    key: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    tags: Any = None
    stream: str = DEFAULT
    traceparent: str | None = None


def insert_messages(connection: Connection, new: Sequence[NewMessage]) -> list[UUID]:
    """Insert all or nothing of `new`; return the id that stands for each, in order.

    A mail whose key is already taken by the same payload is not inserted, and the first one's id stands
    for it. Another payload under the same key raises KeyConflictError and leaves none of `new` behind.
    """
    with explained(connection):
        return _insert(connection, new)


def is_one_statement(bind: Engine | Connection, new: Sequence[NewMessage]) -> bool:
    """Tell whether a single statement inserts all of `new`."""
    return _is_at_once(bind, new) and len(list(_portions(new))) == 1


def _insert(connection: Connection, new: Sequence[NewMessage]) -> list[UUID]:
    keyed = [mail for mail in new if mail.key is not None]
    dialect = dialect_of(connection.dialect.name)
    # A conflict may be found after other mails of the batch went in; and a caller who catches an error must
    # not commit a message without its deliveries.
    may_break = (keyed and len(new) > 1) or dialect.undoes_statements_alone()
    with _undone_together(connection) if may_break else nullcontext():
        inserts = dialect.inserts()
        if inserts is not None and _is_at_once(connection, new):
            _insert_at_once(connection, inserts, new)
            return [mail.id for mail in new]
        standing = _insert_keyed(connection, keyed) if keyed else {}
        plain = [mail for mail in new if mail.key is None]
        if plain:
            connection.execute(_MESSAGE, [_message_row(mail) for mail in plain])
        ids = [standing.get(mail.id, mail.id) for mail in new]
        ours = [mail for mail, id_ in zip(new, ids, strict=True) if id_ == mail.id]
        _insert_deliveries(connection, ours)
        tags = [row for mail in ours for row in _tag_rows(mail)]
        if tags:
            connection.execute(_TAG, tags)
    return ids


def _insert_at_once(connection: Connection, statements: Inserts, new: Sequence[NewMessage]) -> None:
    if len(new) == 1:
        row = _one_row(new[0])
        statements.one["recipient" in row, "searchable" in row].execute(connection, row)
        return
    for portion in _portions(new):
        statements.many.execute(connection, _many_rows(portion))


def _is_at_once(bind: Engine | Connection, new: Sequence[NewMessage]) -> bool:
    """Tell whether a message goes in with its deliveries: not where a key may be taken."""
    # An application may have put the tables into another schema, which a text does not know.
    is_translated = bool(bind.get_execution_options().get("schema_translate_map"))
    has_inserts = dialect_of(bind.dialect.name).inserts() is not None
    return has_inserts and not is_translated and all(mail.key is None for mail in new)


@contextmanager
def _undone_together(connection: Connection) -> Iterator[None]:
    dialect_of(connection.dialect.name).begin_for_savepoint(connection)
    savepoint = connection.begin_nested()
    try:
        yield
    except BaseException as error:
        try:
            savepoint.rollback()
        except DBAPIError:
            # MariaDB undoes the whole transaction of who loses a deadlock, and the savepoint with it.
            raise error from None
        raise
    savepoint.commit()


def _insert_keyed(connection: Connection, keyed: Sequence[NewMessage]) -> dict[UUID, UUID]:
    """Insert or nothing, then read who holds each key: the one form that is exact on every database."""
    dialect = dialect_of(connection.dialect.name)
    insert_or_nothing = dialect.insert_or_nothing(message, message.c.idempotency_key)
    connection.execute(insert_or_nothing, [_message_row(mail) for mail in keyed])
    holders = {}
    for start in range(0, len(keyed), _KEYS):
        keys = [mail.key for mail in keyed[start : start + _KEYS]]
        for key, id_, payload_hash in connection.execute(dialect.read_back(_BY_KEY), {"keys": keys}):
            holders[key] = (id_, payload_hash)
    standing = {}
    for mail in keyed:
        id_, payload_hash = holders[mail.key]
        # Plain SQL leaves the hash empty: then the key alone says that it is the same mail.
        if payload_hash and payload_hash != mail.payload_hash:
            raise KeyConflictError(
                f"key: {mail.key!r} already belongs to message {id_}, which has another payload. "
                "Use one key for one email: put what makes it different into the key."
            )
        standing[mail.id] = id_
    return standing


def _insert_deliveries(connection: Connection, mails: Sequence[NewMessage]) -> None:
    # Without `send_at` the database fills in its own now; PyMySQL joins only rows of plain parameters.
    now = [row for mail in mails if mail.send_at is None for row in _delivery_rows(mail)]
    later = [
        {**row, "due_at": mail.send_at}
        for mail in mails
        if mail.send_at is not None
        for row in _delivery_rows(mail)
    ]
    for rows in (now, later):
        if rows:
            connection.execute(_DELIVERY, rows)


def _message_row(mail: NewMessage) -> dict[str, Any]:
    return {
        "id": mail.id,
        "stream": mail.stream,
        "sender": mail.sender,
        "subject": mail.subject,
        "message_id": mail.message_id,
        "mime": mail.mime,
        "size": len(mail.mime),
        "tags": mail.tags,
        "idempotency_key": mail.key,
        "payload_hash": mail.payload_hash,
        "on_doubt": mail.on_doubt,
        "traceparent": mail.traceparent,
    }


def _one_row(mail: NewMessage) -> dict[str, Any]:
    """Return a message with what its deliveries need, as the parameters of one of `Inserts.one`."""
    row = _message_row(mail)
    # Another statement inserts what has a key.
    del row["idempotency_key"]
    if len(mail.recipients) == 1:
        (row["recipient"],) = mail.recipients
    else:
        row["recipients"] = json.dumps(mail.recipients)
    row["send_at"] = mail.send_at
    row["expires_at"] = mail.expires_at
    if tags := searchable(mail.tags):
        row["searchable"] = json.dumps(tags)
    return row


def _portions(mails: Sequence[NewMessage]) -> Iterator[list[NewMessage]]:
    """Yield them in turn, few enough for one statement, whose parameters are in memory several times."""
    portion: list[NewMessage] = []
    size = 0
    for mail in mails:
        if portion and (len(portion) == _PORTION or size + len(mail.mime) > _PORTION_SIZE):
            yield portion
            portion, size = [], 0
        portion.append(mail)
        size += len(mail.mime)
    yield portion


def _many_rows(mails: Sequence[NewMessage]) -> dict[str, Any]:
    """Return the parameters of `Inserts.many`: all that is short as one JSON text, and all bodies in one."""
    starts = accumulate((len(mail.mime) for mail in mails), initial=0)
    rows = [
        {
            "place": place,
            "id": mail.id.hex,
            "stream": mail.stream,
            "sender": mail.sender,
            "subject": mail.subject,
            "message_id": mail.message_id,
            "start": start,
            "size": len(mail.mime),
            "tags": mail.tags,
            "payload_hash": mail.payload_hash,
            "on_doubt": mail.on_doubt,
            "traceparent": mail.traceparent,
            "send_at": _written(mail.send_at),
            "expires_at": _written(mail.expires_at),
            "recipients": mail.recipients,
            "searchable": searchable(mail.tags),
        }
        for place, (mail, start) in enumerate(zip(mails, starts, strict=False))
    ]
    return {"mails": json.dumps(rows), "bodies": b"".join([mail.mime for mail in mails])}


def _written(instant: datetime | None) -> str | None:
    # In UTC: a zone of Python's may be off by microseconds, which no text of a database's can say.
    return None if instant is None else instant.astimezone(UTC).isoformat()


def _tag_rows(mail: NewMessage) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": value, "message_id": mail.id} for name, value in searchable(mail.tags).items()
    ]


def _delivery_rows(mail: NewMessage) -> list[dict[str, Any]]:
    return [
        {
            "message_id": mail.id,
            "n": n,
            "recipient": recipient,
            "stream": mail.stream,
            "size": len(mail.mime),
            "expires_at": mail.expires_at,
        }
        for n, recipient in enumerate(mail.recipients)
    ]
