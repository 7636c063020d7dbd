"""What a command loads: a process of its own says it when it ends."""

import subprocess
import sys

UNASKED = frozenset(
    {
        "alembic",
        "email_validator",
        "jinja2",
        "outbox._public",
        "outbox.control",
        "outbox.delivery",
        "outbox.store.dialects.mysql",
        "outbox.store.dialects.sqlite_daemon",
        "outbox.store.moves",
        "outbox.store.storage",
        "pydantic",
        "pydantic_settings",
        "rich",
        "sqlalchemy.dialects.mysql",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.orm",
    }
)
"""What a question to SQLite needs none of, and would wait for."""

_CODE = """
import sys
from outbox.cli import main
try: main(sys.argv[1:])
except SystemExit: print(*sys.modules, sep="\\n")
"""


def loaded_by(*call: str) -> set[str]:
    """Return the modules that a call of `outbox` has loaded, and the words that it has printed."""
    command = [sys.executable, "-c", _CODE, *call]
    return {*subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()}
