"""The trace in which a mail was enqueued, by which the spans of its sending are linked to it."""

import sqlalchemy as sa

from alembic import op
from outbox.store.types import Word

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of the mail that is there."""
    context = op.get_context()
    # MariaDB and MySQL commit each statement, so it may be there since an interruption.
    keeps = context.dialect.name in ("mysql", "mariadb") and not context.as_sql
    there = sa.inspect(op.get_bind()).get_columns("outbox_message") if keeps else []
    if "traceparent" not in {each["name"] for each in there}:
        op.add_column("outbox_message", sa.Column("traceparent", Word(55)))


def downgrade() -> None:
    """Forget the traces."""
    op.drop_column("outbox_message", "traceparent")
