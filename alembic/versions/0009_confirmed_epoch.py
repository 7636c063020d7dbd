"""Up to which epoch a person has confirmed that mail may go: who finds a restore later does not ask again."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has confirmed anything that might be found again."""
    context = op.get_context()
    # MariaDB and MySQL commit each statement, so it may be there since an interruption.
    keeps = context.dialect.name in ("mysql", "mariadb") and not context.as_sql
    there = sa.inspect(op.get_bind()).get_columns("outbox_meta") if keeps else []
    if "confirmed" not in {each["name"] for each in there}:
        zero = sa.text("0")
        op.add_column("outbox_meta", sa.Column("confirmed", sa.Integer, nullable=False, server_default=zero))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("outbox_meta", "confirmed")
