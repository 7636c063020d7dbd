"""A dump of the outbox's tables, and its restore: the same on every database, as the owner does it."""

from typing import Any

from sqlalchemy import Engine, delete, insert, select, text

from outbox.store.schema import metadata


class Dump:
    """All rows as they are now."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.connect() as connection:
            self._rows: dict[str, list[dict[str, Any]]] = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in metadata.sorted_tables
            }

    def restore(self, *, but: str = "") -> None:
        """Put all of them back in one transaction; of the table `but` what is there stays."""
        with self._engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != but:
                    connection.execute(delete(table))
            for table in metadata.sorted_tables:
                rows = self._rows[table.name]
                if rows and table.name != but:
                    connection.execute(insert(table), rows)

    def forget_work_since(self, behind: "Dump") -> None:
        """Let all that was enqueued since `behind` stand as if nobody had ever claimed it."""
        known = {row["id"] for row in behind._rows["outbox_delivery"]}
        for row in self._rows["outbox_delivery"]:
            if row["id"] not in known:
                row.update(status="pending", fence=0, attempts=0, session=None, finished_at=None)
                row.update(judged_at=None, relay=None, reply_code=None, reply=None, queue_id=None)


def cut_others(engine: Engine) -> None:
    """End every other connection to this database, as a failover does."""
    statements = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    }
    name = engine.dialect.name
    with engine.connect() as connection:
        found = connection.execute(text(statements[name])).scalars().all()
        if name == "mysql":
            for kill in found:
                connection.execute(text(kill))
