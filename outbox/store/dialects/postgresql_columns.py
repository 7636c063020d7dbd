"""The column types of PostgreSQL."""

from sqlalchemy import LargeBinary, String
from sqlalchemy.dialects import postgresql

from outbox.store.dialects.columns import Columns

COLUMNS = Columns(
    guid=postgresql.UUID(),
    instant=postgresql.TIMESTAMP(timezone=True),
    json=postgresql.JSONB(none_as_null=True),
    mime=LargeBinary(),
    exact=String,
    word=lambda length, _: String(length),
)
