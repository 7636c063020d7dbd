"""Lanes instead of a flag: a rescued mail has one of its own; wishes, and announcements of rescued mail."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.types import Word

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_DELIVERY = "outbox_delivery"

# A queue turns over: each mail leaves two dead rows and more dead index entries behind. The defaults wait for
# a fifth of the table, history included; these begin after some thousand, and do not rest in between.
AUTOVACUUM = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "5000",
    "autovacuum_vacuum_insert_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_analyze_threshold": "5000",
    "autovacuum_vacuum_cost_delay": "0",
}


def upgrade() -> None:
    """Turn `retry` into `lane`, and add what a person wishes and what was announced."""
    if _has("indexes", _due()) is not False:
        _drop_due()
    _add_checked("lane", sa.SmallInteger, "lane IN (0, 1, 2)", nullable=False, server_default=sa.text("0"))
    if _has("columns", "retry") is not False:
        op.execute(sa.text("UPDATE outbox_delivery SET lane = 1 WHERE retry AND finished_at IS NULL"))
        # They counted every rescue until now, and from now on those that a delivery may have caused.
        op.execute(
            sa.text("UPDATE outbox_delivery SET rescues = 0 WHERE rescues > 0 AND finished_at IS NULL")
        )
        op.drop_column(_DELIVERY, "retry")
    _add_checked("wish", Word(16), "wish IN ('cancel', 'hold')")
    if not _has("columns", "announced"):
        op.add_column(_DELIVERY, sa.Column("announced", sa.Integer))
    _create_due("lane")
    if _is("postgresql"):
        options = ", ".join(f"{name} = {value}" for name, value in AUTOVACUUM.items())
        op.execute(sa.text(f"ALTER TABLE outbox_delivery SET ({options})"))


def downgrade() -> None:
    """Turn `lane` back into `retry`; rescued mail becomes ordinary again."""
    if _is("postgresql"):
        op.execute(sa.text(f"ALTER TABLE outbox_delivery RESET ({', '.join(AUTOVACUUM)})"))
    _drop_due()
    op.drop_column(_DELIVERY, "announced")
    _drop_checked("wish")
    op.add_column(_DELIVERY, sa.Column("retry", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.execute(sa.text("UPDATE outbox_delivery SET retry = true WHERE lane > 0 AND finished_at IS NULL"))
    _drop_checked("lane")
    _create_due("retry")


def _is(dialect: str) -> bool:
    return op.get_context().dialect.name == dialect


def _is_mysql() -> bool:
    return op.get_context().dialect.name in {"mysql", "mariadb"}


def _has(parts: str, name: str) -> bool | None:
    """Tell whether the table has this already, of its `columns`, `indexes` or `check_constraints`.

    MariaDB and MySQL commit each statement, so that an upgrade that was interrupted is found half done. None
    elsewhere, and where the SQL is only printed.
    """
    if not _is_mysql() or op.get_context().as_sql:
        return None
    found = getattr(sa.inspect(op.get_bind()), f"get_{parts}")(_DELIVERY)
    return name in {each["name"] for each in found}


def _add_checked(name: str, type_: Any, check: str, **options: Any) -> None:
    constraint = f"outbox_delivery_{name}_known"
    # SQLite cannot add a constraint to a table that exists, but a column that brings one along.
    brought = [sa.CheckConstraint(check, name=constraint)] if _is("sqlite") else []
    if not _has("columns", name):
        op.add_column(_DELIVERY, sa.Column(name, type_, *brought, **options))
    if not brought and not _has("check_constraints", constraint):
        op.create_check_constraint(constraint, _DELIVERY, check)


def _drop_checked(column: str) -> None:
    if _is_mysql():
        # It keeps a column that a constraint of the table speaks of.
        op.drop_constraint(f"outbox_delivery_{column}_known", _DELIVERY, type_="check")
    op.drop_column(_DELIVERY, column)


def _due() -> str:
    return "outbox_delivery_due_by_status" if _is_mysql() else "outbox_delivery_due"


def _drop_due() -> None:
    op.drop_index(_due(), _DELIVERY)


def _create_due(lane: str) -> None:
    if _is_mysql():
        op.create_index(_due(), _DELIVERY, ["status", "stream", lane, "due_at"])
        return
    pending = sa.text("status = 'pending'")
    op.create_index(
        _due(),
        _DELIVERY,
        ["stream", lane, "due_at"],
        postgresql_where=pending,
        sqlite_where=pending,
    )
