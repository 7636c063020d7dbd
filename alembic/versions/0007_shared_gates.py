"""What all daemons share at a gate: the breaker and its probe, the bucket of a rate, the quota of a day."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.clock import utc_after
from outbox.store.types import Guid, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, Any] = {
    "opened_at": UtcDateTime,
    "open_until": UtcDateTime,
    "prober": Guid,
    "probe_until": UtcDateTime,
    "tokens": sa.Double,
    "tokens_at": UtcDateTime,
    "quota_used": sa.BigInteger,
    "quota_day": sa.Date,
    "short_of": sa.String(16),
    "short_since": UtcDateTime,
    "short_until": UtcDateTime,
    "pace": sa.Double,
    "paced_at": UtcDateTime,
}

# What a daemon was short of is told for some seconds: while it is, the row says so anew many times a second.
_WAIT = """
SELECT kind, name, 'paused' AS reason, paused_at AS since, NULL AS until
FROM outbox_gate WHERE paused_at IS NOT NULL
UNION ALL
SELECT kind, name, 'relay_down', opened_at, open_until FROM outbox_gate WHERE open_until IS NOT NULL
UNION ALL
SELECT kind, name, short_of, short_since, short_until FROM outbox_gate WHERE short_until > {lately}
UNION ALL
SELECT kind, name, 'throttled', paced_at, {forgotten} FROM outbox_gate WHERE paced_at > {yesterday}
"""
# The type of a NULL that stands alone, and an instant a day later, in the words of each database.
_FORGOTTEN = {
    "postgresql": "paced_at + interval '1 day'",
    "mysql": "paced_at + INTERVAL 1 DAY",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', paced_at, '+1 day')",
}


def upgrade() -> None:
    """Add what is shared; gates that exist are open, and full of what may pass."""
    for name, type_ in _COLUMNS.items():
        _add_column(name, sa.Column(name, type_))
    _add_column("waits", sa.Column("waits", sa.Integer, nullable=False, server_default=sa.text("0")))
    dialect = op.get_context().dialect
    # The driver would read the % of SQLite's time format as a parameter; text() keeps it literal.
    op.execute(sa.text((_create() + _WAIT.format(**_instants(dialect))).replace(":", r"\:")))


def downgrade() -> None:
    """Forget it again: each daemon is on its own."""
    op.execute(sa.text("DROP VIEW outbox_wait"))
    for name in ("waits", *reversed(_COLUMNS)):
        op.drop_column("outbox_gate", name)


def _create() -> str:
    # MariaDB and MySQL commit each statement: an upgrade that was interrupted may have made it.
    return f"CREATE {'OR REPLACE ' if _is_mysql() else ''}VIEW outbox_wait AS"


def _instants(dialect: sa.Dialect) -> dict[str, str]:
    def ago(seconds: float) -> str:
        return str(utc_after(sa.literal_column(repr(-seconds))).compile(dialect=dialect))

    return {
        "lately": ago(2.0),
        "yesterday": ago(86400.0),
        "forgotten": _FORGOTTEN["mysql" if _is_mysql() else dialect.name],
    }


def _is_mysql() -> bool:
    return op.get_context().dialect.name in {"mysql", "mariadb"}


def _add_column(name: str, column: sa.Column[Any]) -> None:
    if _is_mysql() and not op.get_context().as_sql:
        there = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("outbox_gate")}
        if name in there:
            return
    op.add_column("outbox_gate", column)
