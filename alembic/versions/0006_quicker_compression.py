"""PostgreSQL compresses bodies by lz4, where its build knows it: a fifth of what a mail costs it to take in.

Bodies that are there already stay as they are; both forms are read.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LZ4 = """
DO $$ BEGIN
    ALTER TABLE outbox_message ALTER COLUMN mime SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$
"""


def upgrade() -> None:
    """Choose lz4 for bodies to come."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(_LZ4)


def downgrade() -> None:
    """Leave the choice to the server again."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE outbox_message ALTER COLUMN mime SET COMPRESSION DEFAULT")
