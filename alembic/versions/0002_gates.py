"""The gates of relays, which keep what daemons have learnt of them; and the evidence of a doubt."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.types import UtcDateTime, Word

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    # SQLAlchemy reads only the names of the dialect that the URL has.
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def upgrade() -> None:
    """Create the gates, and give attempts their evidence; rows that exist have none."""
    op.create_table(
        "outbox_gate",
        sa.Column("kind", Word(16), nullable=False),
        sa.Column("name", Word(64), nullable=False),
        sa.Column("pipelining", Word(16)),
        sa.Column("data_apart", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("recipients", sa.Integer),
        sa.Column("learnt_at", UtcDateTime),
        sa.Column("fault", sa.Text),
        sa.Column("fault_at", UtcDateTime),
        sa.PrimaryKeyConstraint("kind", "name", name="outbox_gate_pkey"),
        sa.CheckConstraint("kind IN ('relay')", name="outbox_gate_kind_known"),
        sa.CheckConstraint("pipelining IN ('mail', 'off')", name="outbox_gate_pipelining_known"),
        **_MYSQL,
    )
    op.add_column("outbox_attempt", sa.Column("bytes_written", sa.BigInteger))
    op.add_column("outbox_attempt", sa.Column("waited", sa.Double))


def downgrade() -> None:
    """Drop the gates and the evidence."""
    op.drop_column("outbox_attempt", "waited")
    op.drop_column("outbox_attempt", "bytes_written")
    op.drop_table("outbox_gate")
