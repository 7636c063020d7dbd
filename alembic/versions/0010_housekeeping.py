"""What housekeeping leaves behind: counts of what went, when a body was erased, whose turn it is."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.types import Guid, UtcDateTime, Word

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_META: dict[str, Any] = {"keeper": Guid, "keeper_until": UtcDateTime, "erased_to": UtcDateTime}


def upgrade() -> None:
    """Begin with no counts: what is there is counted when it is deleted."""
    _add_column("outbox_message", "erased_at", UtcDateTime)
    for name, type_ in _META.items():
        _add_column("outbox_meta", name, type_)
    if not (_keeps() and sa.inspect(op.get_bind()).has_table("outbox_stat")):
        op.create_table(
            "outbox_stat",
            sa.Column("day", sa.Date, nullable=False),
            sa.Column("stream", Word(64), nullable=False),
            sa.Column("relay", sa.String(64), nullable=False),
            sa.Column("status", Word(16), nullable=False),
            sa.Column("deliveries", sa.BigInteger, nullable=False, server_default=sa.text("0")),
            sa.PrimaryKeyConstraint("day", "stream", "relay", "status", name="outbox_stat_pkey"),
            **_MYSQL,
        )


def downgrade() -> None:
    """Forget the counts."""
    op.drop_table("outbox_stat")
    for name in reversed(_META):
        op.drop_column("outbox_meta", name)
    op.drop_column("outbox_message", "erased_at")


def _keeps() -> bool:
    """Tell whether each statement commits, as on MariaDB and MySQL: then some may be done already."""
    context = op.get_context()
    return context.dialect.name in {"mysql", "mariadb"} and not context.as_sql


def _add_column(table: str, name: str, type_: Any) -> None:
    there = sa.inspect(op.get_bind()).get_columns(table) if _keeps() else []
    if name not in {each["name"] for each in there}:
        op.add_column(table, sa.Column(name, type_))
