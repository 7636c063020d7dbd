"""A plugin of pytest for tests by way of PgBouncer: those with the shared PostgreSQL.

Here the PgBouncer logs in as the owner for everybody, whatever user a test names. So applications and daemons
take their turns on the same few server processes, where one would meet what another has left behind.
"""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Dialect, Engine, event

# They take long, and what they show of clocks and leases does not depend on the way to the database.
LEFT_OUT = {"test_wrong_clocks.py", "test_lease_faults.py"}
# Their users would all be the owner.
LEFT_OUT |= {"test_matrix.py", "test_use.py"}


@event.listens_for(Engine, "do_connect")
def _be_an_application_behind_pgbouncer(
    dialect: Dialect, _record: Any, _arguments: Any, parameters: dict[str, Any]
) -> None:
    """Connect as docs/settings.md tells an application; the daemon must know by itself."""
    if dialect.name != "postgresql" or parameters.get("application_name") == "outbox":
        return
    if dialect.driver == "asyncpg":
        # It prepares whatever it runs: each by a name of its own, and none is kept (docs/asyncio.md).
        parameters.setdefault("statement_cache_size", 0)
        parameters.setdefault("prepared_statement_cache_size", 0)
        parameters.setdefault("prepared_statement_name_func", lambda: f"outbox_{uuid4()}")
    else:
        parameters.setdefault("prepare_threshold", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = [item for item in items if _uses_postgresql(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _uses_postgresql(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or item.path.name in LEFT_OUT:
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "postgresql_url" in item.fixturenames or "postgresql" in map(str, parameters)
