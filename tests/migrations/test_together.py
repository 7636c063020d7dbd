"""Every worker of an application may migrate at its start."""

import subprocess
import sys

from outbox.store.database import Database

_MIGRATE = """
import sys
import sqlalchemy, outbox
engine = sqlalchemy.create_engine(sys.argv[1])
outbox.migrate(engine)
"""


def test_four_processes_that_migrate_at_once_all_succeed(database_url: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", _MIGRATE, database_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [worker.communicate(timeout=60)[1].decode() for worker in workers]
    assert errors == ["", "", "", ""]
    database = Database(database_url)
    database.check()
    database.close()
