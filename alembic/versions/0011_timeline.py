"""Which of the servers that follow each other had the database: then a failover is news by itself."""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin with no server: the first daemon that looks notes it."""
    context = op.get_context()
    # MariaDB and MySQL commit each statement, so it may be there since an interruption.
    keeps = context.dialect.name in ("mysql", "mariadb") and not context.as_sql
    there = sa.inspect(op.get_bind()).get_columns("outbox_meta") if keeps else []
    if "timeline" not in {each["name"] for each in there}:
        op.add_column("outbox_meta", sa.Column("timeline", sa.Integer))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("outbox_meta", "timeline")
