"""By which a daemon tells that its database has gone back in time: an id, and how often that has happened.

Since `restored_at` mail waits for a person. A session says in `epoch` up to which of these times its daemon
has looked into its journal.
"""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.types import UtcDateTime, Word

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The database's own randomness: printed SQL must not give two databases one id.
_IDS = {
    "postgresql": "gen_random_uuid()::text",
    "mysql": "UUID()",
    "mariadb": "UUID()",
    "sqlite": "lower(hex(randomblob(16)))",
}


def upgrade() -> None:
    """Give the database an id; nothing of the sessions that there are is known."""
    _add_column("outbox_meta", sa.Column("database_id", Word(36)))
    zero = sa.text("0")
    _add_column("outbox_meta", sa.Column("epoch", sa.Integer, nullable=False, server_default=zero))
    _add_column("outbox_meta", sa.Column("restored_at", UtcDateTime))
    _add_column("outbox_session", sa.Column("epoch", sa.Integer))
    name = _IDS[op.get_context().dialect.name].replace(":", r"\:")
    op.execute(sa.text(f"UPDATE outbox_meta SET database_id = {name}"))  # noqa: S608 - one of the above


def downgrade() -> None:
    """Forget the epochs."""
    op.drop_column("outbox_session", "epoch")
    for name in ("restored_at", "epoch", "database_id"):
        op.drop_column("outbox_meta", name)


def _add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column; MariaDB and MySQL commit each statement, so it may be there since an interruption."""
    context = op.get_context()
    keeps = context.dialect.name in ("mysql", "mariadb") and not context.as_sql
    there = sa.inspect(op.get_bind()).get_columns(table) if keeps else []
    if column.name not in {each["name"] for each in there}:
        op.add_column(table, column)
