"""The first schema: messages, deliveries, attempts, sessions, and the two views for people."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from outbox.store.clock import seconds_since, utc_now
from outbox.store.types import BigId, ByteExact, Guid, Mime, UtcDateTime, Word

revision = "0001"
down_revision = None
branch_labels = ("outbox",)
depends_on = None

_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    # SQLAlchemy reads only the names of the dialect that the URL has.
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_ZERO = sa.text("0")

_STATUS_VIEW = """
CREATE VIEW outbox_status AS
SELECT m.id, m.created_at, m.stream, m.sender, m.subject, m.message_id, m.idempotency_key,
       count(*) AS recipients,
       count(CASE WHEN d.status = 'sent' THEN 1 END) AS sent,
       count(CASE WHEN d.status IN ('pending', 'sending', 'held', 'in_doubt') THEN 1 END) AS waiting,
       count(CASE WHEN d.status IN ('failed', 'expired', 'cancelled') THEN 1 END) AS failed,
       CASE WHEN count(CASE WHEN d.status = 'sending' THEN 1 END) > 0 THEN 'sending'
            WHEN count(CASE WHEN d.status = 'pending' THEN 1 END) > 0 THEN 'pending'
            WHEN count(CASE WHEN d.status = 'in_doubt' THEN 1 END) > 0 THEN 'in_doubt'
            WHEN count(CASE WHEN d.status = 'held' THEN 1 END) > 0 THEN 'held'
            WHEN count(CASE WHEN d.status = 'failed' THEN 1 END) > 0 THEN 'failed'
            WHEN count(CASE WHEN d.status = 'expired' THEN 1 END) > 0 THEN 'expired'
            WHEN count(CASE WHEN d.status = 'cancelled' THEN 1 END) > 0 THEN 'cancelled'
            ELSE 'sent' END AS status,
       min(CASE WHEN d.status = 'pending' THEN d.due_at END) AS oldest_due_at
FROM outbox_message m JOIN outbox_delivery d ON d.message_id = m.id
GROUP BY m.id, m.created_at, m.stream, m.sender, m.subject, m.message_id, m.idempotency_key
"""

_QUEUE_PART = """
SELECT stream, status, count(*) AS deliveries, min(due_at) AS oldest_due_at,
       CASE WHEN min(due_at) < {now} THEN {age} ELSE 0 END AS oldest_due_age
FROM outbox_delivery WHERE {which} GROUP BY stream, status
"""


def upgrade() -> None:
    """Create everything."""
    create_message()
    create_delivery()
    create_indexes()
    create_attempt()
    create_session()
    create_views()


def create_message() -> None:
    """Create the email as handed over."""
    op.create_table(
        "outbox_message",
        sa.Column("id", Guid, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False, server_default=utc_now()),
        sa.Column("stream", Word(64), nullable=False),
        sa.Column("sender", sa.String(320), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("message_id", sa.String(320), nullable=False),
        sa.Column("mime", Mime),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column(
            "tags",
            sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql"),
        ),
        sa.Column("idempotency_key", ByteExact(200)),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.Column("on_doubt", Word(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="outbox_message_pkey"),
        sa.UniqueConstraint("idempotency_key", name="outbox_message_idempotency_key_key"),
        sa.CheckConstraint(
            "on_doubt IN ('resend', 'hold', 'assume_sent')", name="outbox_message_on_doubt_known"
        ),
        **_MYSQL,
    )


def create_delivery() -> None:
    """Create the queue: one recipient of one email."""
    op.create_table(
        "outbox_delivery",
        sa.Column("id", BigId, nullable=False, autoincrement=True),
        sa.Column("message_id", Guid, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("stream", Word(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("status", Word(16), nullable=False, server_default=sa.text("'pending'")),
        sa.Column("due_at", UtcDateTime, nullable=False, server_default=utc_now()),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("retry", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=_ZERO),
        sa.Column("judged_at", UtcDateTime),
        sa.Column("fence", sa.Integer, nullable=False, server_default=_ZERO),
        sa.Column("rescues", sa.Integer, nullable=False, server_default=_ZERO),
        sa.Column("doubts", sa.Integer, nullable=False, server_default=_ZERO),
        sa.Column("session", Guid),
        sa.Column("relay", sa.String(64)),
        sa.Column("reply_code", sa.SmallInteger),
        sa.Column("enhanced_code", sa.String(16)),
        sa.Column("reply", sa.Text),
        sa.Column("queue_id", sa.String(128)),
        sa.Column("reason", sa.String(32)),
        sa.Column("finished_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="outbox_delivery_pkey"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_message.id"], name="outbox_delivery_message_id_fkey"
        ),
        sa.UniqueConstraint("message_id", "n", name="outbox_delivery_message_id_n_key"),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'sent', 'failed', 'in_doubt', 'held', 'expired', 'cancelled')",
            name="outbox_delivery_status_known",
        ),
        sa.CheckConstraint(
            "(status = 'sending') = (session IS NOT NULL)", name="outbox_delivery_sending_has_session"
        ),
        sa.CheckConstraint(
            "(status IN ('sent', 'failed', 'expired', 'cancelled')) = (finished_at IS NOT NULL)",
            name="outbox_delivery_final_is_finished",
        ),
        sqlite_autoincrement=True,
        **_MYSQL,
    )


def create_indexes() -> None:
    """Create indexes that hold unfinished rows only, or lead with the status where none can be partial."""
    partial = op.get_context().dialect.name in {"postgresql", "sqlite"}
    for name, columns, where in (
        ("due", ["stream", "retry", "due_at"], "status = 'pending'"),
        ("held", ["session"], "status = 'sending'"),
        ("expires", ["expires_at"], "status = 'pending' AND expires_at IS NOT NULL"),
        ("parked", ["stream"], "status IN ('held', 'in_doubt')"),
    ):
        if partial:
            op.create_index(
                f"outbox_delivery_{name}",
                "outbox_delivery",
                columns,
                postgresql_where=sa.text(where),
                sqlite_where=sa.text(where),
            )
        else:
            op.create_index(f"outbox_delivery_{name}_by_status", "outbox_delivery", ["status", *columns])


def create_attempt() -> None:
    """Create the history of everything but clean first successes."""
    op.create_table(
        "outbox_attempt",
        sa.Column("id", BigId, nullable=False, autoincrement=True),
        sa.Column("delivery_id", BigId, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("session", Guid),
        sa.Column("relay", sa.String(64)),
        sa.Column("stage", sa.String(64)),
        sa.Column("reply_code", sa.SmallInteger),
        sa.Column("enhanced_code", sa.String(16)),
        sa.Column("reply", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("late", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("at", UtcDateTime, nullable=False, server_default=utc_now()),
        sa.PrimaryKeyConstraint("id", name="outbox_attempt_pkey"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["outbox_delivery.id"], name="outbox_attempt_delivery_id_fkey"
        ),
        sqlite_autoincrement=True,
        **_MYSQL,
    )
    op.create_index("outbox_attempt_delivery_id", "outbox_attempt", ["delivery_id"])


def create_session() -> None:
    """Create the runs of daemons."""
    op.create_table(
        "outbox_session",
        sa.Column("id", Guid, nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False, server_default=utc_now()),
        sa.Column("beat_at", UtcDateTime, nullable=False, server_default=utc_now()),
        sa.Column("ttl", sa.Float, nullable=False),
        sa.Column("state", Word(16), nullable=False),
        sa.Column("sent", BigId, nullable=False, server_default=_ZERO),
        sa.Column("failed", BigId, nullable=False, server_default=_ZERO),
        sa.Column("deferred", BigId, nullable=False, server_default=_ZERO),
        sa.PrimaryKeyConstraint("id", name="outbox_session_pkey"),
        sa.CheckConstraint(
            "state IN ('running', 'stopping', 'stopped', 'lost')", name="outbox_session_state_known"
        ),
        **_MYSQL,
    )


def create_views() -> None:
    """Create `outbox_status` (one line a message) and `outbox_queue` (what is unfinished)."""
    dialect = op.get_context().dialect
    age = seconds_since(sa.func.min(sa.literal_column("due_at"))).compile(dialect=dialect)
    now = utc_now().compile(dialect=dialect)
    parts = (
        _QUEUE_PART.format(which=which, now=now, age=age)
        for which in ("status = 'pending'", "status = 'sending'", "status IN ('held', 'in_doubt')")
    )
    for view in (_STATUS_VIEW, "CREATE VIEW outbox_queue AS" + "UNION ALL".join(parts)):
        # The driver would read the % of SQLite's time format as a parameter; text() keeps it literal.
        op.execute(sa.text(view.replace(":", r"\:")))


def downgrade() -> None:
    """Drop everything; queued mail goes with it."""
    for view in ("outbox_queue", "outbox_status"):
        op.execute(sa.text(f"DROP VIEW {view}"))
    for table in ("outbox_session", "outbox_attempt", "outbox_delivery", "outbox_message"):
        op.drop_table(table)
