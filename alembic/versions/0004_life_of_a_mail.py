"""Pauses, who asked for what, suppressed addresses, tags as rows, the environment; what people search by."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from outbox.store.clock import utc_now
from outbox.store.types import Guid, UtcDateTime, Word

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MYSQL: dict[str, Any] = {
    f"{dialect}_{option}": value
    # SQLAlchemy reads only the names of the dialect that the URL has.
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
_KINDS = "kind IN ('all', 'relay', 'stream')"
_FIRST_KINDS = "kind IN ('relay')"
_PAUSES = {"paused_at": UtcDateTime, "paused_by": sa.String(128), "paused_why": sa.Text}
_TABLES = ("outbox_tag", "outbox_suppression", "outbox_meta")

# One row for each tag that was given, in the words of each database; what is no plain value is no tag.
_TAGS = {
    "postgresql": """
        INSERT INTO outbox_tag (name, value, message_id)
        SELECT t.key, t.value #>> '{}', m.id
        FROM outbox_message m, jsonb_each(m.tags) AS t
        WHERE jsonb_typeof(m.tags) = 'object' AND jsonb_typeof(t.value) IN ('string', 'number', 'boolean')
            AND length(t.key) <= 64 AND length(t.value #>> '{}') <= 200
        ON CONFLICT DO NOTHING""",
    "sqlite": """
        INSERT OR IGNORE INTO outbox_tag (name, value, message_id)
        SELECT t.key,
               CASE t.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(t.value AS TEXT) END,
               m.id
        FROM outbox_message m, json_each(m.tags) AS t
        WHERE m.tags IS NOT NULL AND t.type IN ('text', 'integer', 'real', 'true', 'false')
            AND length(t.key) <= 64 AND length(t.value) <= 200""",
    "mysql": """
        INSERT IGNORE INTO outbox_tag (name, value, message_id)
        SELECT k.name, JSON_UNQUOTE(JSON_EXTRACT(m.tags, CONCAT('$."', k.name, '"'))), m.id
        FROM outbox_message m,
             JSON_TABLE(JSON_KEYS(m.tags), '$[*]' COLUMNS (name VARCHAR(200) PATH '$')) AS k
        WHERE m.tags IS NOT NULL
          AND JSON_TYPE(JSON_EXTRACT(m.tags, CONCAT('$."', k.name, '"'))) IN
              ('STRING', 'INTEGER', 'DOUBLE', 'DECIMAL', 'BOOLEAN')
          AND CHAR_LENGTH(k.name) <= 64
          AND CHAR_LENGTH(JSON_UNQUOTE(JSON_EXTRACT(m.tags, CONCAT('$."', k.name, '"')))) <= 200""",
}


def upgrade() -> None:
    """Create what is new; gates that exist stay as they are."""
    _create_tables()
    if op.get_context().dialect.name == "sqlite":
        _remake_gates(_KINDS, _PAUSES)
    else:
        for name, type_ in _PAUSES.items():
            _add_column("outbox_gate", name, type_)
        _allow_kinds(_KINDS)
    _add_column("outbox_attempt", "who", sa.String(128))
    _create_index("outbox_delivery_recipient", ["recipient", "finished_at"])
    where = sa.text("finished_at IS NOT NULL")
    columns = ["status", "finished_at"]
    _create_index("outbox_delivery_finished", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    """Drop it again; pauses end with it."""
    op.drop_index("outbox_delivery_finished", "outbox_delivery")
    op.drop_index("outbox_delivery_recipient", "outbox_delivery")
    op.drop_column("outbox_attempt", "who")
    op.execute(sa.text("DELETE FROM outbox_gate WHERE kind <> 'relay'"))
    if op.get_context().dialect.name == "sqlite":
        _remake_gates(_FIRST_KINDS, {})
    else:
        _allow_kinds(_FIRST_KINDS)
        for name in reversed(_PAUSES):
            op.drop_column("outbox_gate", name)
    for table in _TABLES:
        op.drop_table(table)


def _create_tables() -> None:
    if not _has_table("outbox_tag"):
        op.create_table(
            "outbox_tag",
            sa.Column("name", Word(64), nullable=False),
            sa.Column("value", Word(200), nullable=False),
            sa.Column("message_id", Guid, nullable=False),
            sa.PrimaryKeyConstraint("name", "value", "message_id", name="outbox_tag_pkey"),
            sa.ForeignKeyConstraint(["message_id"], ["outbox_message.id"], name="outbox_tag_message_id_fkey"),
            **_MYSQL,
        )
    _create_index("outbox_tag_message_id", ["message_id"], table="outbox_tag")
    op.execute(sa.text(_TAGS["mysql" if _is_mysql() else op.get_context().dialect.name].replace(":", r"\:")))
    if not _has_table("outbox_suppression"):
        op.create_table(
            "outbox_suppression",
            sa.Column("address", Word(320), nullable=False),
            sa.Column("why", sa.Text, nullable=False),
            sa.Column("who", sa.String(128)),
            sa.Column("created_at", UtcDateTime, nullable=False, server_default=utc_now()),
            sa.PrimaryKeyConstraint("address", name="outbox_suppression_pkey"),
            sa.CheckConstraint("address = lower(address)", name="outbox_suppression_address_lower"),
            **_MYSQL,
        )
    if not _has_table("outbox_meta"):
        op.create_table(
            "outbox_meta",
            sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
            sa.Column("environment", Word(64)),
            sa.PrimaryKeyConstraint("id", name="outbox_meta_pkey"),
            sa.CheckConstraint("id = 1", name="outbox_meta_one_row"),
            **_MYSQL,
        )
    op.execute(sa.text("INSERT INTO outbox_meta (id) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM outbox_meta)"))


def _allow_kinds(kinds: str) -> None:
    name = "outbox_gate_kind_known"
    if _has("check_constraints", "outbox_gate", name) is not False:
        # MariaDB and MySQL share this word; Alembic would write another one for each.
        op.execute(sa.text(f"ALTER TABLE outbox_gate DROP CONSTRAINT {name}"))
    op.create_check_constraint(name, "outbox_gate", kinds)


def _remake_gates(kinds: str, pauses: dict[str, Any]) -> None:
    """Move the gates into a table with another constraint, since SQLite cannot change one."""
    op.rename_table("outbox_gate", "outbox_gate_before")
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
        *(sa.Column(name, type_) for name, type_ in pauses.items()),
        sa.PrimaryKeyConstraint("kind", "name", name="outbox_gate_pkey"),
        sa.CheckConstraint(kinds, name="outbox_gate_kind_known"),
        sa.CheckConstraint("pipelining IN ('mail', 'off')", name="outbox_gate_pipelining_known"),
    )
    kept = "kind, name, pipelining, data_apart, recipients, learnt_at, fault, fault_at"
    op.execute(sa.text(f"INSERT INTO outbox_gate ({kept}) SELECT {kept} FROM outbox_gate_before"))  # noqa: S608
    op.drop_table("outbox_gate_before")


def _is_mysql() -> bool:
    return op.get_context().dialect.name in {"mysql", "mariadb"}


def _has(parts: str, table: str, name: str) -> bool | None:
    """Tell whether a table has this already, of its `columns`, `indexes` or `check_constraints`.

    MariaDB and MySQL commit each statement, so that an upgrade that was interrupted is found half done. None
    elsewhere, and where the SQL is only printed.
    """
    if not _is_mysql() or op.get_context().as_sql:
        return None
    return name in {each["name"] for each in getattr(sa.inspect(op.get_bind()), f"get_{parts}")(table)}


def _has_table(name: str) -> bool:
    return _is_mysql() and not op.get_context().as_sql and sa.inspect(op.get_bind()).has_table(name)


def _add_column(table: str, name: str, type_: Any) -> None:
    if not _has("columns", table, name):
        op.add_column(table, sa.Column(name, type_))


def _create_index(name: str, columns: list[str], table: str = "outbox_delivery", **options: Any) -> None:
    if not _has("indexes", table, name):
        op.create_index(name, table, columns, **options)
