"""By which a daemon tells that its database has gone back in time: an id, and how often that has happened.

A session says in `epoch` up to which of these times its daemon has looked into its journal.
"""

import sqlalchemy as sa

from alembic import op
from outbox.store.types import Word

revision = "0008"
down_revision = "0006"
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
    op.add_column("outbox_meta", sa.Column("database_id", Word(36)))
    op.add_column("outbox_meta", sa.Column("epoch", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("outbox_session", sa.Column("epoch", sa.Integer))
    name = _IDS[op.get_context().dialect.name].replace(":", r"\:")
    op.execute(sa.text(f"UPDATE outbox_meta SET database_id = {name}"))  # noqa: S608 - one of the above


def downgrade() -> None:
    """Forget the epochs."""
    op.drop_column("outbox_session", "epoch")
    op.drop_column("outbox_meta", "epoch")
    op.drop_column("outbox_meta", "database_id")
