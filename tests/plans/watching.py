"""What each statement of the store does in the database, as the database itself tells while it runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.engine.interfaces import CacheStats

from tests.contract.scene import Scene


@dataclass(slots=True)
class Seen:
    """One execution: how its rows were looked for, how much was read for that, and whether it was compiled.

    What is read counts in the database's own coin: pages on PostgreSQL, rows on MariaDB, steps on SQLite.
    """

    statement: str
    parameters: Any
    plan: list[str] = field(default_factory=list)
    read: int = 0
    compiled_before: bool = False


class _Watch(Protocol):
    def before(self, connection: Any, seen: Seen, /) -> None: ...
    def after(self, connection: Any, seen: Seen, /) -> None: ...


class _PostgreSQL:
    """Runs a statement for its plan first, as it is, and takes that back."""

    def before(self, connection: Any, seen: Seen, /) -> None:
        if not seen.statement.startswith(("SELECT", "UPDATE", "WITH")):
            return
        cursor = connection.connection.cursor()
        cursor.execute("SAVEPOINT looking")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {seen.statement}", seen.parameters)
        top = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("ROLLBACK TO SAVEPOINT looking")
        seen.plan = [*self._lines(top)]
        seen.read = top["Shared Hit Blocks"] + top["Shared Read Blocks"]

    def after(self, _connection: Any, _seen: Seen, /) -> None:
        """Add nothing: the plan has told all."""

    def _lines(self, node: dict[str, Any]) -> Iterator[str]:
        words = (node.get(name) for name in ("Node Type", "Relation Name", "Index Name"))
        yield " ".join(word for word in words if word)
        for child in node.get("Plans", ()):
            yield from self._lines(child)


class _MariaDB:
    """Asks for the handler's counts after each statement; its plans are estimates that flip."""

    _READS = (
        "SELECT CAST(sum(variable_value) AS SIGNED) FROM information_schema.session_status "
        "WHERE variable_name LIKE 'Handler\\_read\\_%'"
    )

    def before(self, connection: Any, _seen: Seen, /) -> None:
        connection.connection.cursor().execute("FLUSH STATUS")

    def after(self, connection: Any, seen: Seen, /) -> None:
        cursor = connection.connection.cursor()
        cursor.execute(self._READS)
        seen.read = cursor.fetchone()[0]


class _SQLite:
    """Counts the steps of the virtual machine, ten at a time."""

    def before(self, connection: Any, seen: Seen, /) -> None:
        driver = connection.connection.dbapi_connection
        one = seen.parameters[0] if isinstance(seen.parameters, list) else seen.parameters
        seen.plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {seen.statement}", one)]

        def count() -> int:
            seen.read += 10
            return 0

        driver.set_progress_handler(count, 10)

    def after(self, connection: Any, _seen: Seen, /) -> None:
        connection.connection.dbapi_connection.set_progress_handler(None, 0)


_WATCHES: dict[str, _Watch] = {"postgresql": _PostgreSQL(), "mysql": _MariaDB(), "sqlite": _SQLite()}


@contextmanager
def watched(scene: Scene) -> Iterator[list[Seen]]:
    """Give the list of all statements that the store executes in this block, in their order."""
    found: list[Seen] = []
    database = scene.database
    watch = _WATCHES[database.engine.dialect.name]

    def before(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append(Seen(statement, parameters))
        watch.before(connection, found[-1])

    def after(connection: Any, *others: Any) -> None:
        *_, context, _ = others
        found[-1].compiled_before = context.cache_hit is CacheStats.CACHE_HIT
        watch.after(connection, found[-1])

    with ExitStack() as stack:
        for engine in {database.engine, database._reader}:
            for name, listener in (("before_cursor_execute", before), ("after_cursor_execute", after)):
                event.listen(engine, name, listener)
                stack.callback(event.remove, engine, name, listener)
        yield found
