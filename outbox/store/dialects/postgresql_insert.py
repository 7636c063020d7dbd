"""How mail enters PostgreSQL: one statement for a mail, and one for many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Integer, LargeBinary, String, bindparam, text
from sqlalchemy.dialects import postgresql

from outbox.store.driver_statement import DriverStatement
from outbox.store.schema import delivery, message
from outbox.store.types import Guid

if TYPE_CHECKING:
    from sqlalchemy import BindParameter
    from sqlalchemy.types import TypeEngine

# A round trip less than two inserts, in the application's transaction: a quarter less CPU for both sides.
# The foreign key is checked at the end, when all rows are there. Recipients and tags are JSON texts: psycopg
# writes an array letter by letter, and the server would apply the length of its type to each element.
_ONE_MAIL = """WITH new AS (
        INSERT INTO outbox_message (id, stream, sender, subject, message_id, mime, size, tags, payload_hash,
            on_doubt)
        VALUES (:id, :stream, :sender, :subject, :message_id, :mime, :size, :tags, :payload_hash,
            :on_doubt)){tagged}
    INSERT INTO outbox_delivery (message_id, n, recipient, stream, size, due_at, expires_at)
    SELECT :id, r.n - 1, r.recipient, :stream, :size, coalesce(:send_at, now()), :expires_at
    FROM json_array_elements_text(CAST(:recipients AS json)) WITH ORDINALITY AS r (recipient, n)"""
_TAGGED = """,
    tagged AS (
        INSERT INTO outbox_tag (name, value, message_id)
        SELECT t.key, t.value, :id FROM json_each_text(CAST(:searchable AS json)) AS t)"""

# The types that ours have on PostgreSQL, without the calls by which they choose them.
_TYPES: dict[str, TypeEngine[Any]] = {
    "id": postgresql.UUID(),
    "mime": LargeBinary(),
    "size": Integer(),
    "tags": postgresql.JSONB(none_as_null=True),
    "send_at": postgresql.TIMESTAMP(timezone=True),
    "expires_at": postgresql.TIMESTAMP(timezone=True),
}


def _typed(statement: str) -> DriverStatement:
    clause = text(statement)
    return DriverStatement(
        clause.bindparams(
            *(bindparam(name, type_=_TYPES.get(name, String())) for name in clause.compile().params)
        )
    )


ONE_MAIL = _typed(_ONE_MAIL.format(tagged=""))
ONE_TAGGED_MAIL = _typed(_ONE_MAIL.format(tagged=_TAGGED))


def _listed(name: str, type_: TypeEngine[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(type_))


# Half of the server's work for so many rows each by itself: one parse, one plan, one wait. All bodies stand
# in one parameter, which drivers send as it is, while they write out an array letter by letter.
MANY_MAILS = text(
    """WITH new AS (
        INSERT INTO outbox_message (id, stream, sender, subject, message_id, mime, size, tags, payload_hash,
            on_doubt)
        SELECT m.id, m.stream, m.sender, m.subject, m.message_id,
            substring(:bodies FROM m.start + 1 FOR m.size), m.size, m.tags, m.payload_hash, m.on_doubt
        FROM unnest(:id, :stream, :sender, :subject, :message_id, :start, :size, :tags, :payload_hash,
            :on_doubt)
            AS m (id, stream, sender, subject, message_id, start, size, tags, payload_hash, on_doubt)),
    tagged AS (
        INSERT INTO outbox_tag (name, value, message_id)
        SELECT * FROM unnest(:tag_name, :tag_value, :tag_owner))
    INSERT INTO outbox_delivery (message_id, n, recipient, stream, size, due_at, expires_at)
    SELECT m.id, r.n, r.recipient, m.stream, m.size, coalesce(m.send_at, now()), m.expires_at
    FROM unnest(:owner, :n, :recipient) AS r (owner, n, recipient)
    JOIN unnest(:id, :stream, :size, :send_at, :expires_at) WITH ORDINALITY
        AS m (id, stream, size, send_at, expires_at, place) ON m.place = r.owner
    ORDER BY r.owner, r.n"""
).bindparams(
    bindparam("bodies", type_=message.c.mime.type),
    *(
        _listed(name, message.c[name].type)
        for name in (
            "id", "stream", "sender", "subject", "message_id", "size", "tags", "payload_hash", "on_doubt",
        )
    ),
    _listed("start", Integer()),
    _listed("send_at", delivery.c.due_at.type),
    _listed("expires_at", delivery.c.expires_at.type),
    _listed("tag_name", String()),
    _listed("tag_value", String()),
    _listed("tag_owner", Guid()),
    _listed("owner", Integer()),
    _listed("n", Integer()),
    _listed("recipient", delivery.c.recipient.type),
)  # fmt: skip
